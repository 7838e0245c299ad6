/** Requests that are nearly HTTP, and what may become of them. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import type { Request } from './request.ts'

/**
 * `problem`: 400 as problem+json, and the end of the connection; `too large`: the same with 431;
 * `declined`: 400 without the end. `cut`: the end. `served`: taken as HTTP, and answered by the
 * rules of the app.
 */
export type Verdict = 'problem' | 'too large' | 'declined' | 'cut' | 'served'

export interface Sent {
  /** What the bytes are called in the table. */
  name: string
  /** Good requests before them on the same connection. */
  before: Request[]
  bytes: Buffer
  /** How a reader would have to take them that takes them for HTTP. */
  request: Request
  /** Our side ends after the last byte. */
  ends?: boolean
  /** What must not be in an answer. */
  never?: string
}

export interface Row {
  verdicts: Verdict[]
  /** Where it isn't a refusal: why that does no harm. */
  why?: string
  make: (world: World) => fc.Arbitrary<Omit<Sent, 'name' | 'before'>>
}

export interface World {
  users: number[]
  /** Nobody may ever touch this user. */
  canary: number
}

export const HOST = 'Host: ledger\r\n'
export const JSON_TYPE = 'Content-Type: application/json\r\n'
export const BODY = '{"amount":1}'

/** A request that is never meant to be one. */
export const smuggled = ({ canary }: World) =>
  `POST /users/${canary}/credit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 17\r\n\r\n` +
  '{"amount":"7.77"}'

export const raw = (text: string) => Buffer.from(text, 'latin1')
export const chunks = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

const header = fc.tuple(
  fc.constantFrom('X-A', 'x-b', 'Accept', 'User-Agent', 'Cookie', 'TE'),
  fc.stringMatching(/^[!-~]{0,20}$/),
).map(([name, value]) => `${name}: ${value}\r\n`)
const headers = fc.array(header, { maxLength: 3 }).map((lines) => lines.join(''))

interface Credit {
  user: number
  some: string
  more: string
}

export const credit = ({ users }: World): fc.Arbitrary<Credit> =>
  fc.record({ user: fc.constantFrom(...users), some: headers, more: headers })

export const lineOf = ({ user }: Credit) => `POST /users/${user}/credit HTTP/1.1\r\n`
export const requestOf = ({ user }: Credit): Request => ({
  method: 'POST',
  target: `/users/${user}/credit`,
  headers: [],
})

/**
 * A credit with these header lines in the middle of others, and what comes after the empty line.
 */
export const creditWith = (
  lines: (world: World, body: string) => string[],
  bodies: (world: World) => string[] = () => [BODY],
): Row['make'] =>
(world) =>
  credit(world).chain((one) =>
    fc.tuple(...bodies(world).map((body) => fc.constant(body))).chain((all) =>
      fc.constantFrom(...all).chain((body) =>
        fc.constantFrom(...lines(world, body)).map((line) => ({
          bytes: raw(
            `${lineOf(one)}${HOST}${JSON_TYPE}${one.some}${line}\r\n${one.more}\r\n${body}`,
          ),
          request: requestOf(one),
        }))
      )
    )
  )

/** These bytes, each with a request that they stand for. */
export const texts = (
  make: (world: World, some: string) => [string, Partial<Request>?][],
  more: Partial<Sent> = {},
): Row['make'] =>
(world) =>
  headers.chain((some) =>
    fc.constantFrom(...make(world, some)).map(([text, request]) => ({
      bytes: raw(text),
      request: { method: 'GET', target: '/livez', headers: [], ...request },
      ...more,
    }))
  )

export const live = (lines: string) => `GET /livez HTTP/1.1\r\n${HOST}${lines}\r\n`
export const repeated = (text: string, min: number, max: number) =>
  fc.integer({ min, max }).map((times) => text.repeat(times))

export const REFUSED = { verdicts: ['problem'] } satisfies Partial<Row>
export const SERVED = { verdicts: ['served'] } satisfies Partial<Row>
