/** Bodies and what comes behind them, where two readers could disagree. */
import fc from 'fast-check'
import type { Request } from './request.ts'
import {
  BODY,
  chunks,
  credit,
  creditWith,
  HOST,
  JSON_TYPE,
  live,
  raw,
  requestOf,
  type Row,
  SERVED,
  smuggled,
  texts,
} from './hardly_http.ts'

export const BODIES: Record<string, Row> = {
  'chunks in HTTP/1.0': {
    verdicts: ['served'],
    why: 'they are read as in HTTP/1.1, and the connection is closed after',
    make: (world) =>
      credit(world).map((one) => ({
        bytes: raw(
          `POST /users/${one.user}/credit HTTP/1.0\r\n${HOST}${JSON_TYPE}` +
            `Transfer-Encoding: chunked\r\n\r\n${chunks(BODY)}`,
        ),
        request: requestOf(one),
      })),
  },
  'requests in bodies that nobody reads': {
    ...SERVED,
    why: 'a body ends where its length says, whatever became of its request',
    make: (world) => {
      const hidden = smuggled(world)
      const to = (method: string, target: string, type: string): [string, Partial<Request>][] => {
        const line = `${method} ${target} HTTP/1.1\r\n${HOST}Content-Type: ${type}\r\n`
        return [
          [`${line}Content-Length: ${hidden.length}\r\n\r\n${hidden}`, { method, target }],
          [`${line}Transfer-Encoding: chunked\r\n\r\n${chunks(hidden)}`, { method, target }],
        ]
      }
      return texts(() => [
        ...to('GET', '/livez', 'application/json'),
        ...to('GET', `/users/${world.users[0]}`, 'text/plain'),
        ...to('POST', '/nothing', 'application/json'),
        ...to('POST', '/livez', 'application/json'),
        ...to('PUT', `/users/${world.users[0]}/credit`, 'application/json'),
        ...to('POST', '/users/x/credit', 'application/json'),
        ...to('POST', `/users/${world.users[0]}/credit`, 'text/plain'),
        ...to('POST', `/users/${world.users[0]}/credit`, 'application/json'),
        ...to('DELETE', '/debits', 'application/json'),
      ])(world)
    },
  },
  'a request after one that closes the connection': {
    ...SERVED,
    why: 'nobody waits for an answer to it',
    make: (world) =>
      texts((_, some) => [
        [`${live(`Connection: close\r\n${some}`)}${smuggled(world)}`],
        [`GET /livez HTTP/1.0\r\n${HOST}${some}\r\n${smuggled(world)}`],
      ])(world),
  },
  'one that waits for 100 Continue': {
    ...SERVED,
    why: 'it may send its body before, too',
    make: creditWith(() => ['Expect: 100-continue\r\nContent-Length: 12']),
  },
  'half-closed': {
    ...SERVED,
    why: 'who has said all there is may still listen',
    make: (world) =>
      creditWith(() => ['Content-Length: 12'])(world).map((sent) => ({ ...sent, ends: true })),
  },
  'cut off': {
    verdicts: ['problem', 'cut'],
    make: (world) =>
      fc.tuple(creditWith(() => ['Content-Length: 12'])(world), fc.nat()).map(([sent, at]) => ({
        ...sent,
        bytes: sent.bytes.subarray(0, at % sent.bytes.length),
        ends: true,
        never: '"entry"',
      })),
  },
  'chunks that never end': {
    verdicts: ['problem'],
    make: (world) =>
      creditWith(
        () => ['Transfer-Encoding: chunked'],
        () => [`c\r\n${BODY}\r\n`, `c\r\n${BODY}`, `ff\r\n${BODY}`, `c\n${BODY}\n0\n\n`],
      )(world).map((sent) => ({ ...sent, ends: true, never: '"entry"' })),
  },
  'one after the other without waiting': {
    ...SERVED,
    why: 'each gets its answer, in order',
    make: (world) => creditWith(() => ['Content-Length: 12'])(world),
  },
}
