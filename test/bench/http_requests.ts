/** The kinds of requests: how each is written, and what of its answer is read. */
import type { Answer } from './http_connection.ts'
import type { Tally } from './tally.ts'

const AMOUNT = '{"amount":"0.01"}'
/** So short that one user's don't add up; what captures and releases take doesn't expire. */
const HOLD = '{"amount":"0.01","expires_in":1}'
const HUNDRED = 100

type Read = (tally: Tally, user: number, answer: Answer) => void

interface Request {
  /** The status that is asked for. */
  good: string
  /** `ref`: who gets it, the hold or the entry; `n`: how many requests there were before. */
  text: (host: string, user: number, ref: number, n: number) => string
  /** The same for each user, so that it is made once. */
  isKept?: boolean
  /** What entries are made, for whoever looks whether they are there. */
  makes?: 'CREDIT' | 'DEBIT'
  /** Reads what it was answered; a mistake in it fails the job. */
  read?: Read
}

const post = (host: string, path: string, body: string, headers = '') =>
  `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
  `${headers}Content-Length: ${body.length}\r\n\r\n${body}`

function expectStart({ text, body }: Answer, start: string, user: number): void {
  if (!text.startsWith(start, body)) throw new Error(`not user ${user}: ${text}`)
}

/** The user's entry, whose number is the first `seq` of the answer. */
const readEntry = (before: string): Read => (tally, user, answer) => {
  expectStart(answer, `${before}{"id":${user},`, user)
  const { text, body } = answer
  const at = text.indexOf('"seq":', body) + 6
  tally.acked(user, Number.parseInt(text.slice(at, at + 16), 10))
}

/** What a hundred debits were answered. */
const readResults: Read = (tally, user, { text, body }) => {
  const { results } = JSON.parse(text.slice(body)) as { results: { status: number; seq: number }[] }
  for (const { status, seq } of results) {
    if (status === 201) tally.acked(user, seq)
    else tally.status(`${status} of a hundred`)
  }
}

const run = crypto.randomUUID()

const ENTRY = { good: '201', read: readEntry('') } satisfies Partial<Request>

export const REQUESTS = {
  debit: {
    ...ENTRY,
    makes: 'DEBIT',
    isKept: true,
    text: (host, user) => post(host, `/users/${user}/debit`, AMOUNT),
  },
  'keyed debit': {
    ...ENTRY,
    makes: 'DEBIT',
    text: (host, user, _ref, n) =>
      post(host, `/users/${user}/debit`, AMOUNT, `Idempotency-Key: ${run}-${n}\r\n`),
  },
  /** Of which nobody reads the answer. */
  'bare debit': {
    good: '201',
    isKept: true,
    text: (host, user) => post(host, `/users/${user}/debit`, AMOUNT),
  },
  'hundred debits': {
    good: '200',
    makes: 'DEBIT',
    isKept: true,
    text: (host, user) => {
      const debits = Array.from({ length: HUNDRED }, () => ({ user_id: user, amount: 0.01 }))
      return post(host, '/debits', JSON.stringify(debits))
    },
    read: readResults,
  },
  credit: {
    ...ENTRY,
    makes: 'CREDIT',
    isKept: true,
    text: (host, user) => post(host, `/users/${user}/credit`, AMOUNT),
  },
  transfer: {
    good: '201',
    makes: 'DEBIT',
    text: (host, user, ref) =>
      post(host, '/transfers', `{"from":${user},"to":${ref},"amount":"0.01"}`),
    read: readEntry('{"from":'),
  },
  hold: {
    good: '201',
    isKept: true,
    text: (host, user) => post(host, `/users/${user}/holds`, HOLD),
    read: (_tally, user, answer) => expectStart(answer, '{"hold":', user),
  },
  capture: {
    ...ENTRY,
    makes: 'DEBIT',
    text: (host, user, ref) => post(host, `/users/${user}/holds/${ref}/capture`, '{}'),
  },
  release: {
    good: '200',
    text: (host, user, ref) => post(host, `/users/${user}/holds/${ref}/release`, '{}'),
    read: (_tally, user, answer) => expectStart(answer, `{"id":${user},`, user),
  },
  reverse: {
    ...ENTRY,
    makes: 'CREDIT',
    text: (host, user, ref) => post(host, `/users/${user}/history/${ref}/reverse`, '{}'),
  },
  read: {
    good: '200',
    isKept: true,
    text: (host, user) => `GET /users/${user} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
} satisfies Record<string, Request>

export type RequestKind = keyof typeof REQUESTS

/** How requests of a kind are written, each once if it can be kept. */
export function createWriter(
  kind: RequestKind,
  url: string,
): (user: number, ref: number) => string {
  const { host } = new URL(url)
  const { text, isKept }: Request = REQUESTS[kind]
  const kept = new Map<number, string>()
  let n = 0
  if (!isKept) return (user, ref) => text(host, user, ref, n++)
  return (user) => {
    let made = kept.get(user)
    if (made === undefined) kept.set(user, made = text(host, user, 0, 0))
    return made
  }
}

export const requestOf = (kind: RequestKind): Request => REQUESTS[kind]
