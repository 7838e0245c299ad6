/** Writes over HTTP, one request each, or several debits in one. */
import { type Agent, request } from 'node:http'
import {
  type Answer,
  decimal,
  entryRow,
  EXPIRES_IN,
  PLAIN_ROWS,
  type Record,
  type Row,
  UNKEYED,
  type Write,
} from './record.ts'

/** When waiting has no sense any more. */
const GIVE_UP_MS = 100_000

export interface HttpAnswer {
  status: number
  headers: { [name: string]: string | string[] | undefined }
  body: { [name: string]: unknown }
}

/** Rejects with the error of the connection. */
export function send(
  agent: Agent,
  method: string,
  url: string,
  { key, body }: { key?: string | undefined; body?: unknown } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      ...(text && { 'Content-Type': 'application/json', 'Content-Length': text.length }),
      ...(key !== undefined && { 'Idempotency-Key': key }),
    }
    const call = request(url, { agent, method, headers }, (answer) => {
      let got = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => got += chunk)
      answer.on('error', reject)
      answer.on('aborted', () => reject(Object.assign(new Error(), { code: 'ABORTED' })))
      answer.on('end', () => {
        const { statusCode: status = 0, headers } = answer
        try {
          resolve({ status, headers, body: JSON.parse(got) as HttpAnswer['body'] })
        } catch {
          resolve({ status, headers, body: { code: `no JSON: ${got.slice(0, 100)}` } })
        }
      })
    })
    call.setTimeout(GIVE_UP_MS, () => call.destroy(Object.assign(new Error(), { code: 'HANGS' })))
    call.on('error', reject)
    call.end(text)
  })
}

interface Body extends Row {
  code?: string
  entry: Row
  from: Body
  to: Body
}

function rowsOf({ kind }: Write, body: Body): { rows: string[]; seqs: number[] } {
  const plain = PLAIN_ROWS[kind]
  if (plain) return { rows: [plain(body)], seqs: [] }
  const halves = kind === 'transfer' ? [body.from, body.to] : [body]
  return {
    rows: halves.map((half) => entryRow(half.entry, half)),
    seqs: halves.map((half) => Number(half.entry.seq)),
  }
}

function requestOf(write: Write, ids: number[]): { path: string; body: object } {
  const id = ids[write.user]!
  const amount = decimal(write.amount)
  switch (write.kind) {
    case 'transfer':
      return { path: '/transfers', body: { from: id, to: ids[write.to]!, amount } }
    case 'hold':
      return {
        path: `/users/${id}/holds`,
        body: { amount, ...(write.expires && { expires_in: EXPIRES_IN.hold }) },
      }
    case 'capture':
      return {
        path: `/users/${id}/holds/${write.hold}/capture`,
        body: { ...(write.amount !== 0n && { amount }), final: write.final },
      }
    case 'extend':
      return {
        path: `/users/${id}/holds/${write.hold}/extend`,
        body: { expires_in: write.expires ? EXPIRES_IN.extend : null },
      }
    case 'release':
      return { path: `/users/${id}/holds/${write.hold}/release`, body: {} }
    case 'reverse':
      return { path: `/users/${id}/history/${write.seq}/reverse`, body: { amount } }
    case 'freeze':
    case 'thaw':
      return { path: `/users/${id}/${write.kind}`, body: { reason: write.key } }
    case 'limit':
      return {
        path: `/users/${id}/credit-limit`,
        body: { credit_limit: amount, reason: write.key },
      }
    case 'insert':
      throw new Error('entries are made with SQL')
    case 'debit':
    case 'credit':
      return { path: `/users/${id}/${write.kind}`, body: { amount } }
  }
}

export interface HttpChannel {
  agent: Agent
  record: Record
  /** Whether the service may be gone in the middle of a request. */
  mayBreakOff: boolean
}

/** What the answer means; an answer that there may never be is a violation. */
function judge(channel: HttpChannel, write: Write, status: number, body: Body, replayed: boolean) {
  const { violations } = channel.record
  if (status === 200 || status === 201) {
    return { end: 'done', replayed, ...rowsOf(write, body) } satisfies Answer
  }
  const code = String(body.code)
  const isKnown = [404, 409, 422].includes(status) || (status === 503 && code === 'busy')
  if (isKnown) return { end: 'refused', code } satisfies Answer
  if (status !== 503 || code !== 'outcome_unknown') {
    violations.add(`${write.kind} over HTTP was answered ${status} ${code}`)
  }
  return { end: 'unknown', why: code } satisfies Answer
}

function failed(channel: HttpChannel, error: unknown): Answer {
  const { code = String(error) } = error as { code?: string }
  if (code === 'ECONNREFUSED') return { end: 'refused', code }
  if (!channel.mayBreakOff) channel.record.violations.add(`a request ended with ${code}`)
  return { end: 'unknown', why: code }
}

async function timed<T>(record: Record, work: () => Promise<T>): Promise<T> {
  const since = performance.now()
  try {
    return await work()
  } finally {
    record.slowest_ms = Math.max(record.slowest_ms, performance.now() - since)
  }
}

/** Sends one write and tells what its answer says. */
export async function writeOverHttp(
  channel: HttpChannel,
  url: string,
  write: Write,
): Promise<Answer> {
  const { path, body } = requestOf(write, channel.record.ids)
  const key = UNKEYED.includes(write.kind) ? undefined : write.key
  try {
    const work = () => send(channel.agent, 'POST', url + path, { key, body })
    const answer = await timed(channel.record, work)
    const replayed = answer.headers['idempotency-replayed'] === 'true'
    return judge(channel, write, answer.status, answer.body as unknown as Body, replayed)
  } catch (error) {
    return failed(channel, error)
  }
}

/** Sends several debits in one request; each has an answer of its own. */
export async function debitsOverHttp(
  channel: HttpChannel,
  url: string,
  writes: Write[],
): Promise<Answer[]> {
  const items = writes.map(({ user, amount, key }) => ({
    user_id: channel.record.ids[user]!,
    amount: decimal(amount),
    idempotency_key: key,
  }))
  try {
    const answer = await timed(
      channel.record,
      () => send(channel.agent, 'POST', `${url}/debits`, { body: items }),
    )
    const results = answer.body['results'] as Body[] | undefined
    return writes.map((write, i) => {
      const body = results?.[i] ?? answer.body as unknown as Body
      return judge(channel, write, results ? Number(body.status) : answer.status, body, false)
    })
  } catch (error) {
    const answer = failed(channel, error)
    return writes.map(() => answer)
  }
}

/** Reads a snapshot, which an instance that is up has to answer; undefined: it is busy or gone. */
export async function readOverHttp(
  channel: HttpChannel,
  url: string,
  user: number,
): Promise<{ seq: number; balance: string; available: string } | undefined> {
  const id = channel.record.ids[user]!
  const { violations } = channel.record
  try {
    const { status, body } = await timed(
      channel.record,
      () => send(channel.agent, 'GET', `${url}/users/${id}`),
    )
    if (status === 503 && body['code'] === 'busy') return undefined
    if (status !== 200) violations.add(`a read was answered ${status} ${String(body['code'])}`)
    else if (body['id'] !== id) violations.add('a read was answered with another user')
    else return body as { seq: number; balance: string; available: string }
  } catch (error) {
    failed(channel, error)
  }
  return undefined
}
