/** Raw connections to the service of bad_input.test.ts. */
import { connect } from 'node:net'
import { afterEach, beforeAll, expect } from 'vitest'
import { expectNothingWritten, useHttp } from '../../../support/http.ts'
import { PINNED_PROBLEMS, type PinnedCode } from '../../../support/problems.ts'

export const http = useHttp()

export const HOST = 'Host: ledger\r\n'
export const JSON_TYPE = 'Content-Type: application/json\r\n'
export const BODY = '{"amount":1}'
export const CLOSE = 'Connection: close\r\n'
export const DEBIT = `POST /users/1/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}`
export const LIVE = `GET /livez HTTP/1.1\r\n${HOST}${CLOSE}\r\n`

interface RawAnswer {
  status: number
  headers: string
  body: string
}

/** Splits what came on a connection into answers; all of ours have a Content-Length. */
export function answersIn(received: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = received; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n') + 4
    const headers = rest.slice(0, end)
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(headers)?.[1])
    if (end < 4 || Number.isNaN(status)) throw new Error(`not an answer: ${rest}`)
    const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0)
    if (rest.length < end + length) throw new Error(`half an answer: ${rest}`)
    answers.push({ status, headers, body: rest.slice(end, end + length) })
    rest = rest.slice(end + length)
  }
  return answers
}

interface SendOptions {
  /** Ends our side after the last byte. */
  half?: boolean
  /** Resets the connection once all is sent. */
  reset?: boolean
  /** Ends the wait after so many answers; else when the server closes. */
  answers?: number
}

/** Sends bytes as they are and resolves with what came until the connection was closed. */
export function send(data: string | Uint8Array, options: SendOptions = {}): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(http.service.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    const answers = () => answersIn(received)
    const finish = () => {
      try {
        resolve(answers())
      } catch (error) {
        reject(error)
      }
    }
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text
      try {
        if (answers().length >= (options.answers ?? Infinity)) socket.destroy()
      } catch {
        // Not all of it yet.
      }
    })
    // A server that has seen enough may reset what we still send.
    socket.on('error', () => {})
    socket.on('close', finish)
    socket.on('connect', () => {
      socket.write(data, () => {
        if (options.half) socket.end()
        if (options.reset) socket.resetAndDestroy()
      })
    })
  })
}

const problem = (code: PinnedCode, details: object = {}) => {
  const [status, title] = PINNED_PROBLEMS[code]
  return JSON.stringify({ type: `/docs#${code}`, title, status, code, ...details })
}
export const errors = (message: string, path = '') => ({ errors: [{ path, message }] })

/** One answer, of the app. */
export function expectApp(answers: RawAnswer[], code: PinnedCode, details: object = {}): void {
  expect(answers).toHaveLength(1)
  expect(answers[0]!.body).toBe(problem(code, details))
  expect(answers[0]!.status).toBe(PINNED_PROBLEMS[code][0])
  expect(answers[0]!.headers.toLowerCase()).toContain(
    '\r\ncontent-type: application/problem+json\r\n',
  )
}

/** One answer, of whoever parses HTTP, and the end of the connection. */
export function expectParser(
  answers: RawAnswer[],
  status = 400,
  message = 'The request is not valid HTTP.',
): void {
  expect(answers).toHaveLength(1)
  const details = { ...JSON.parse(problem('invalid_request', errors(message))), status }
  expect(JSON.parse(answers[0]!.body)).toEqual(details)
  expect(answers[0]!.status).toBe(status)
  expect(answers[0]!.headers.toLowerCase()).toContain(
    '\r\ncontent-type: application/problem+json\r\n',
  )
}

export const expectRefused = (data: string | Uint8Array, options?: SendOptions) =>
  expectNothingWritten(http, () => send(data, options))

beforeAll(async () => {
  await http.sql`select credit_user(1, 100)`
})

async function expectAliveAndQuiet(): Promise<void> {
  expect(await send(LIVE)).toMatchObject([{ status: 200, body: '{"status":"live"}' }])
  expect(http.logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([])
}

afterEach(expectAliveAndQuiet)
