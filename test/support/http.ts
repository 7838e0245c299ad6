/** Requests of a test file to a service of its own, and answers in a form that can be pinned. */
import type postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { connectTo, createUser } from './ledger.ts'
import { startTestService, type TestService } from './service.ts'

export interface Answer {
  status: number
  /** Those that say something about the answer. */
  headers: Record<string, string>
  /** As it came. */
  text: string
  /** Parsed where it is JSON; every moment in it is `TIME`, every hash `HASH`. */
  body: unknown
}

const HEADERS = [
  'allow',
  'content-type',
  'idempotency-replayed',
  'location',
  'retry-after',
  'www-authenticate',
  'x-cache',
]
/** The only warning that other work on the machine can cause. */
const SLOW_MACHINE = 'changes are not heard of, so the cache is not used'
const MOMENT = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/g
const HASH = /"[0-9a-f]{64}"/g

/** What nobody can know beforehand, by its name. */
export const masked = (text: string): string =>
  text.replace(MOMENT, '"TIME"').replace(HASH, '"HASH"')

export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response
  const text = await response.text()
  const isJson = /\bjson\b/.test(headers.get('content-type') ?? '')
  return {
    status,
    headers: Object.fromEntries(
      HEADERS.flatMap((name) => headers.has(name) ? [[name, headers.get(name)!]] : []),
    ),
    text,
    body: isJson && text !== '' ? JSON.parse(masked(text)) : text,
  }
}

export type Call = (
  method: string,
  path: string,
  /** Text as it is, anything else as JSON. */
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

/** Sends a request; a body is said to be JSON unless `headers` say something else. */
export const caller = (url: () => string): Call => async (method, path, body, headers = {}) =>
  await answerOf(
    await fetch(`${url()}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined &&
        {
          body: typeof body === 'string' || body instanceof Uint8Array
            ? body
            : JSON.stringify(body),
        } as {
          body: string
        }),
    }),
  )

export interface TestHttp {
  readonly service: TestService
  readonly sql: postgres.Sql
  /** A superuser's connection of its own. */
  connect(): postgres.Sql
  call: Call
  /** A new user, with a credit of this amount as the only entry. */
  user(credit?: string | number): Promise<number>
  /** Every user, every row of the history, every hold. */
  state(): Promise<unknown>
  /** What the service logged since the test began, a line each, but for how busy the machine is. */
  readonly logged: string[]
}

/** To be called at the top of a test file. No test may make the service log a stack. */
export function useHttp(config: Partial<Config> = {}): TestHttp {
  let service: TestService
  let sql: postgres.Sql
  const open: postgres.Sql[] = []
  const logged: string[] = []

  function connect() {
    const connection = connectTo(service.database.url)
    open.push(connection)
    return connection
  }

  beforeAll(async () => {
    vi.spyOn(console, 'error').mockImplementation((...words) => {
      const line = words.map(String).join(' ')
      if (!line.includes(SLOW_MACHINE)) logged.push(line)
    })
    service = await startTestService({ logLevel: 'debug', ...config })
    sql = connect()
    logged.length = 0
  })

  afterEach(() => {
    expect(logged.filter((line) => /\bat \S+ \(|\.ts:\d+/.test(line))).toEqual([])
    logged.length = 0
  })

  afterAll(async () => {
    await Promise.all(open.map((connection) => connection.end({ timeout: 0 })))
    await service.close()
  })

  return {
    get service() {
      return service
    },
    get sql() {
      return sql
    },
    connect,
    call: caller(() => service.url),
    user: (credit) => createUser(sql, credit),
    state: async () =>
      await sql`
        select (select jsonb_agg(u order by u.id) from users u) as users,
               (select jsonb_agg(h order by h.user_id, h.id) from payment_history h) as history,
               (select jsonb_agg(o order by o.user_id, o.hold) from holds o) as holds,
               (select jsonb_agg(c order by c.user_id, c.hold, c.number) from hold_changes c)
                 as hold_changes`,
    logged,
  }
}

/** Expects that nothing is written meanwhile, whoever's it is. */
export async function expectNothingWritten<T>(http: TestHttp, work: () => Promise<T>): Promise<T> {
  const before = await http.state()
  const result = await work()
  expect(await http.state()).toEqual(before)
  return result
}

/** Expects a success to the letter; moments in `body` are `TIME`, hashes `HASH`. */
export function expectAnswer(
  answer: Answer,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  expect(answer).toMatchObject({ status, body })
  expect(answer.headers).toEqual({ 'content-type': 'application/json', ...headers })
  // Metadata comes as PostgreSQL prints it.
  const text = masked(answer.text).replace(
    /("metadata":)(\{.*?\})(?=[,}])/g,
    (_, name: string, value: string) => name + JSON.stringify(JSON.parse(value)),
  )
  expect(text).toBe(JSON.stringify(body))
}

/** A user with nothing held. */
export const snapshotOf = (id: number, balance: string, seq: number, available = balance) => ({
  id,
  balance,
  available,
  seq,
  updated_at: 'TIME',
})

/** `more`: whatever else it has, in order. */
export const entryOf = (
  seq: number,
  action: string,
  amount: string,
  balance: string,
  more: object = {},
) => ({ seq, action, amount, balance, ts: 'TIME', ...more, hash: 'HASH' })
