/** What the ledger refuses, and what becomes of a request that it doesn't answer. */

/** A problem document (RFC 9457), as far as every one has it. */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: { path: string; message: string }[]
}

export interface ErrorContext extends ErrorOptions {
  /** The one that the request was sent with, if any: with it, it can be sent again. */
  idempotencyKey?: string | undefined
}

/** Every error that the client throws, except for what a caller's own signal was aborted with. */
export class LedgerError extends Error {
  override name = 'LedgerError'
  readonly idempotencyKey: string | undefined
  constructor(message: string, { idempotencyKey, ...options }: ErrorContext = {}) {
    super(message, options)
    this.idempotencyKey = idempotencyKey
  }
}

/** What is wrong, with each field. */
function messageOf({ title, detail = title, errors = [] }: ProblemDocument): string {
  const found = errors.map(({ path, message }) => `${path || 'the body'} ${message}`)
  return found.length === 0 ? detail : `${detail} ${found.join('; ')}`
}

/** The ledger answered with a problem. Each code has a class of its own. */
export class ProblemError<Problem extends ProblemDocument = ProblemDocument> extends LedgerError {
  override name = 'ProblemError'
  readonly code: Problem['code']
  readonly status: number
  /** With all its members, such as `errors` or `shortfall`. */
  readonly problem: Problem
  constructor(problem: Problem, context: ErrorContext = {}) {
    super(messageOf(problem), context)
    this.code = problem.code
    this.status = problem.status
    this.problem = problem
  }
}

/**
 * No answer of the ledger came before the deadline, to a read or to a write without a key, such as
 * a freeze, which may have happened; of a write with a key it is an OutcomeUnknownError.
 */
export class UnreachableError extends LedgerError {
  override name = 'UnreachableError'
}

/** What answered is no ledger, or a proxy in front of it. */
export class UnexpectedAnswerError extends LedgerError {
  override name = 'UnexpectedAnswerError'
  readonly status: number
  constructor(status: number, context: ErrorContext = {}) {
    super(`unexpected answer with status ${status}`, context)
    this.status = status
  }
}

/** A statement ended before its closing line, or isn't what its hashes say. */
export class StatementError extends LedgerError {
  override name = 'StatementError'
  /** The last entry that was fine: with it as `after`, the rest can be asked for. */
  readonly seq: number | undefined
  constructor(message: string, seq: number | undefined, context: ErrorContext = {}) {
    super(message, context)
    this.seq = seq
  }
}
