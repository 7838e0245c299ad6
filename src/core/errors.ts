/** The one table of failures: what SQL and drivers call a failure, and what HTTP calls it. */
import { QueueFull, WaitExpired } from './batcher.ts'

/** Every way in which a request can fail: status and title by the problem's `code`. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid.' },
  invalid_idempotency_key: {
    status: 400,
    title: 'Idempotency-Key must be 1 to 255 visible ASCII characters, bare or as a quoted string.',
  },
  unauthorized: { status: 401, title: 'This needs a valid bearer token.' },
  forbidden: { status: 403, title: 'The caller may not do this.' },
  unknown_user: { status: 404, title: 'There is no such user; POST /users makes one.' },
  unknown_entry: { status: 404, title: 'The user has no such entry.' },
  unknown_hold: { status: 404, title: 'The user has no such hold.' },
  not_found: { status: 404, title: 'There is nothing at this path.' },
  method_not_allowed: { status: 405, title: 'This path has other methods; see Allow.' },
  payload_too_large: { status: 413, title: 'The body is larger than this path takes.' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json.' },
  hold_not_active: {
    status: 409,
    title: 'The hold was captured or released before, or has expired.',
  },
  already_reversed: { status: 409, title: 'The entry was reversed before.' },
  cursor_gone: {
    status: 410,
    title: 'The events that the cursor comes from are not those of this database.',
  },
  user_frozen: { status: 409, title: 'The user is frozen: nothing is taken from it, or held.' },
  too_many_holds: { status: 409, title: 'The user has as many active holds as there may be.' },
  insufficient_funds: { status: 422, title: 'The available balance does not cover the amount.' },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another request.',
  },
  expiry_not_later: { status: 422, title: 'The hold does not expire before that.' },
  balance_out_of_range: { status: 422, title: 'The balance would have more than 18 digits.' },
  same_user: { status: 422, title: 'A transfer needs two different users.' },
  rate_limited: { status: 429, title: 'Too many requests; see Retry-After.' },
  busy: { status: 503, title: 'Nothing was done; repeat the request in a moment.' },
  outcome_unknown: {
    status: 503,
    title: 'The write may have happened; repeat it with the same Idempotency-Key.',
  },
  not_supported: { status: 501, title: 'This does not work while users are on several servers.' },
  internal: { status: 500, title: 'Something went wrong here; nothing of yours is at fault.' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** The codes of SQLSTATEs that `ledger.post` returns and other functions raise. */
const SQLSTATES: Record<string, ProblemCode> = {
  LGUSR: 'unknown_user',
  LGAMT: 'invalid_request',
  LGFND: 'insufficient_funds',
  LGFRZ: 'user_frozen',
  LGKEY: 'idempotency_key_reused',
  LGRNG: 'balance_out_of_range',
  LGHLD: 'hold_not_active',
  LGHLU: 'unknown_hold',
  LGEXP: 'expiry_not_later',
  LGMAX: 'too_many_holds',
  LGENT: 'unknown_entry',
  LGREV: 'already_reversed',
  LGSAM: 'same_user',
  LGCUR: 'cursor_gone',
  LGDIS: 'not_supported',
  '22023': 'invalid_request',
  LGMOV: 'busy', // the shard of a user has moved
  '08006': 'busy', // connection_failure: a coordinator can't reach a worker, and so takes all back
  '40001': 'busy', // serialization_failure
  '40P01': 'busy', // deadlock_detected
  '55P03': 'busy', // lock_not_available
  '57014': 'busy', // query_canceled: statement_timeout
  '25006': 'busy', // read_only_sql_transaction: a standby, until it is promoted
  '53100': 'busy', // disk_full
  '53200': 'busy', // out_of_memory
  '53300': 'busy', // too_many_connections
  '57P03': 'busy', // cannot_connect_now
  '3F000': 'busy', // invalid_schema_name: nobody has migrated yet
  '42P01': 'busy', // undefined_table, the same
  '42883': 'busy', // undefined_function, or one of an older schema
}

/** SQLSTATEs of a database without the schema, or with another one. */
const NO_SCHEMA = new Set(['3F000', '42P01', '42883'])

/** SQLSTATEs of an operation that lost a race over a user. The caller is told; the log isn't. */
const CONTENTION = new Set(['40001', '40P01', '55P03'])

/** Details of faults that only SQL can find, such as the amount of a hold. */
const DETAILS: Record<string, Record<string, unknown>> = {
  LGAMT: {
    errors: [{ path: 'amount', message: 'must be at most what is left of the hold or entry' }],
  },
  '22023': { errors: [{ path: 'metadata', message: 'must be at most 8192 bytes as jsonb' }] },
}

/** Codes of connection failures before a statement can have been sent. */
const NOT_SENT = new Set(
  ('ECONNREFUSED ENOTFOUND ENOENT EACCES EAI_AGAIN EHOSTUNREACH ENETUNREACH CONNECT_TIMEOUT ' +
    'CONNECTION_ENDED WRONG_SERVER 53300 57P03 28000 28P01 3D000').split(' '),
)

/** The same, if the session ended with it: a database that takes nobody, or not this role. */
const NOT_LET_IN = new Set(['55000', '42501'])

/** Codes of failures after which the statement may have been committed or not. */
const UNKNOWN = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'DEADLINE',
  '08P01', // protocol_violation: how PgBouncer calls everything that it says itself
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P05', // idle_session_timeout
])

/** A failure of the table above. Its details become members of the problem document. */
export class Problem extends Error {
  override name = 'Problem'
  readonly code: ProblemCode
  readonly details: Record<string, unknown>
  constructor(code: ProblemCode, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, options)
    this.code = code
    this.details = details
  }
  /** The members of the problem document (RFC 9457), with the path of PUBLIC_URL in `type`. */
  membersAt(publicPath: string): { status: number } & Record<string, unknown> {
    const { status, title } = PROBLEMS[this.code]
    const type = `${publicPath}/docs#${this.code}`
    return { type, title, status, code: this.code, ...this.details }
  }
  toJSON(): { status: number } & Record<string, unknown> {
    return this.membersAt('')
  }
}

/** The code of an error: a SQLSTATE, or a word of the driver; "" if it has none. */
export const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? ''

/** Whether PostgreSQL ended the session with it, or let none begin. */
const isFatal = (error: unknown): boolean =>
  ['FATAL', 'PANIC'].includes((error as { severity?: string } | null)?.severity ?? '')

const isNotSent = (error: unknown): boolean =>
  NOT_SENT.has(codeOf(error)) || (isFatal(error) && NOT_LET_IN.has(codeOf(error)))

/**
 * Whether a coordinator of Citus lost a worker in the middle of a command or a commit. It has no
 * SQLSTATE of its own for that, and its texts are in no other language.
 */
function isWorkerLost(error: unknown): boolean {
  if (codeOf(error) !== 'XX000') return false
  const { message = '', where = '' } = error as { message?: string; where?: string }
  return where.includes('while executing command on ') ||
    message.startsWith('could not commit transaction for shard ')
}

/** Whether the statement may have been committed although it failed. */
export const isOutcomeUnknown = (error: unknown): boolean =>
  UNKNOWN.has(codeOf(error)) || (isFatal(error) && !isNotSent(error)) || isWorkerLost(error)

/** Whether repeating the same statement may succeed: it lost a race and left nothing behind. */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01'].includes(codeOf(error))

/** Whether an error means that the database lacks the schema, or has an older one. */
export const isWithoutSchema = (error: unknown): boolean => NO_SCHEMA.has(codeOf(error))

/** Whether a server refused what it didn't have to do itself, because the user isn't there. */
export const isNotHandedOn = (error: unknown): boolean => codeOf(error) === 'LGMOV'

/** Whether a server refused to call a function of a shard, because the shard isn't there. */
export const isMoved = (error: unknown): boolean => isNotHandedOn(error) || isWithoutSchema(error)

/** Whether a problem has to be logged: a fault of the service, or of what it depends on. */
export const isOurs = ({ code, cause }: Problem): boolean =>
  code === 'internal' ||
  (PROBLEMS[code].status === 503 && cause !== undefined && !CONTENTION.has(codeOf(cause)))

/** The problem's code for a SQLSTATE or a status of ledger.post. */
export const problemCode = (sqlstate: string): ProblemCode => SQLSTATES[sqlstate] ?? 'internal'

/** The problem for a status of ledger.post. */
export const refusal = (sqlstate: string): Problem =>
  new Problem(problemCode(sqlstate), DETAILS[sqlstate])

/** The problem for what a call of the database threw; `writes`: it may have written. */
export function problemOf(error: unknown, { writes = false } = {}): Problem {
  if (error instanceof Problem) return error
  if (error instanceof QueueFull || error instanceof WaitExpired) return new Problem('busy')
  if (isNotSent(error)) return new Problem('busy', {}, { cause: error })
  if (isOutcomeUnknown(error)) {
    return new Problem(writes ? 'outcome_unknown' : 'busy', {}, { cause: error })
  }
  const code = codeOf(error)
  return new Problem(problemCode(code), DETAILS[code], { cause: error })
}

/** Whether an error of a read passes by itself. */
export const isPassing = (error: unknown): boolean => problemOf(error).code === 'busy'

/**
 * Repeats, once, a write with a key whose outcome is unknown. The key makes that safe. Only a clear
 * answer to the second try tells what became of the first.
 */
export async function askAgain<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (PROBLEMS[problemOf(error, { writes: true }).code].status < 500) throw error
    throw new Problem('outcome_unknown', {}, { cause: error })
  }
}
