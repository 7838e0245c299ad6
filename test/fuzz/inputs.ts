/**
 * Every place where a text of somebody else comes in, as something that takes such a text. To be
 * imported after what counts work.
 */
import { connect } from 'node:net'
import { parseTokens } from '../../src/auth/access_tokens.ts'
import { loadConfig } from '../../src/config/config.ts'
import { RawJson } from '../../src/core/raw_json.ts'
import { databaseTarget } from '../../src/config/database_tls.ts'
import { createMemoryStore } from '../../dev/memory_store.ts'
import { createRedisRest } from '../../dev/redis_rest.ts'
import { listen } from '../../src/server/http_server.ts'
import { arrayLiteral } from '../../src/ledger/rows.ts'
import { MAX_AT_ONCE } from '../../src/server/pipelining.ts'
import { networkOf } from '../../src/http/peer.ts'
import { parseEntry } from '../../src/cache/snapshot_entry.ts'
import { CSV, NDJSON } from '../../src/ledger/statement.ts'
import { appOf, LINE, TOKEN } from './one_user_app.ts'

/** Takes a text, and may refuse it. */
export type Input = (text: string) => unknown

const app = appOf(false)
const closed = appOf(true)
const redis = createRedisRest({ token: TOKEN, backend: createMemoryStore() })

async function ask(to: typeof app, path: string, init?: RequestInit): Promise<void> {
  let request: Request
  try {
    request = new Request(new URL(path, 'http://ledger.test'), init)
  } catch {
    // What isn't a request at all doesn't get as far as the app.
    return
  }
  const response = await to.fetch(request, { peer: '::1' })
  await response.text()
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
const POSTS = [...new Set(app.routes.filter(({ method }) => method === 'POST').map((r) => r.path))]
const GETS = [...new Set(app.routes.filter(({ method }) => method === 'GET').map((r) => r.path))]
const pathOf = (route: string) => route.replace(/:\w+/g, '1')

/** What a text may be inside of a body. */
const BODIES: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'as an amount': (text) => `{"amount":${text}}`,
  'as a text of an amount': (text) => JSON.stringify({ amount: text }),
  'as an unknown member': (text) => JSON.stringify({ amount: 1, [text]: 1 }),
  'as metadata': (text) => `{"amount":1,"metadata":${text}}`,
  'as members of metadata': (text) => `{"amount":1,"metadata":{${text}}}`,
  'as a member that is there twice': (text) => `{"${text}":1${`,"${text}":1`.repeat(30)}}`,
  'in a list': (text) => `[${text}]`,
  'as a key in a list': (text) =>
    JSON.stringify([{ user_id: 1, amount: 1, idempotency_key: text }]),
}

const HEADERS = [
  'Idempotency-Key',
  'Content-Type',
  'Accept',
  'Cache-Control',
  'Authorization',
  'traceparent',
  'tracestate',
  'X-Request-Id',
  'Host',
  'Origin',
  'X-Forwarded-For',
]

const httpInputs: [string, Input][] = [
  ...POSTS.flatMap((route) =>
    Object.entries(BODIES).map(([how, bodyOf]): [string, Input] => [
      `POST ${route}, a body with it ${how}`,
      (text) => ask(app, pathOf(route), { method: 'POST', headers: JSON_TYPE, body: bodyOf(text) }),
    ])
  ),
  ...HEADERS.flatMap((name): [string, Input][] => [
    [
      `POST /users/1/debit, ${name}`,
      (text) =>
        ask(app, '/users/1/debit', {
          method: 'POST',
          headers: { ...JSON_TYPE, [name]: text },
          body: '{"amount":1}',
        }),
    ],
    [
      `GET /users/1/history, ${name}`,
      (text) => ask(app, '/users/1/history', { headers: { [name]: text } }),
    ],
  ]),
  [
    'a bearer token',
    (text) => ask(closed, '/users/1', { headers: { Authorization: `Bearer ${text}` } }),
  ],
  ['Authorization', (text) => ask(closed, '/users/1', { headers: { Authorization: text } })],
  ...GETS.map((route): [string, Input] => [
    `GET ${route}, in its path`,
    (text) => ask(app, route.replace(/:\w+/g, () => encodeURI(text))),
  ]),
  ...GETS.flatMap((route) =>
    ['limit', 'before', 'from', 'to', 'at', 'ids', ''].map((name): [string, Input] => [
      `GET ${route}, ?${name}`,
      (text) => ask(app, `${pathOf(route)}?${name}=${encodeURI(text)}`),
    ])
  ),
  ['a path', (text) => ask(app, `/${encodeURI(text)}`)],
]

const CONFIG = {
  LOG_LEVEL: 'silent',
  JWT_ISSUER: 'https://issuer.test',
  JWT_AUDIENCE: 'a',
}

const otherInputs: [string, Input][] = [
  ['an address', networkOf],
  ['an entry of the cache', (text) => parseEntry(1, text, '1')],
  ['a score of the cache', (text) => parseEntry(1, '{}', text)],
  ['a file of tokens', (text) => parseTokens(text)],
  ['a text for PostgreSQL', (text) => arrayLiteral([text])],
  ['a URL of PostgreSQL', (text) => databaseTarget(`postgres://h/${text}`, () => '')],
  ['a host of PostgreSQL', (text) => databaseTarget(`postgres:///d?host=${text}`, () => '')],
  ...Object.keys({ HOST: '', PORT: '', JWT_ALGORITHMS: '', ACCESS_TOKENS_FILE: '' })
    .map((name): [string, Input] => [name, (text) => loadConfig({ ...CONFIG, [name]: text })]),
  ...Object.entries({ CSV, NDJSON }).map(([name, format]): [string, Input] => [
    `${name} of metadata and a key`,
    (text) =>
      format.entry({
        ...LINE,
        metadata: new RawJson(JSON.stringify({ [text]: text })),
        idempotency_key: text,
      }),
  ]),
  ...['/', '/pipeline', '/multi-exec'].map((path): [string, Input] => [
    `the local store, ${path}`,
    (text) => {
      const headers = { ...JSON_TYPE, Authorization: `Bearer ${TOKEN}` }
      return ask(redis, path, { method: 'POST', headers, body: text })
    },
  ]),
  ...['zadd a ? m', 'zrange a ? ?', 'pexpire a ?', 'set a ?', '? a', 'flushall ?'].map((
    command,
  ): [string, Input] => [
    `the local store, ${command}`,
    (text) => {
      const body = JSON.stringify(command.split(' ').map((word) => word === '?' ? text : word))
      const headers = { ...JSON_TYPE, Authorization: `Bearer ${TOKEN}` }
      return ask(redis, '/', { method: 'POST', headers, body })
    },
  ]),
]

export const INPUTS: [string, Input][] = [...httpInputs, ...otherInputs]

/** As many requests as the text has characters, one behind the other, up to the last answer. */
export async function pipelined(text: string): Promise<void> {
  // As many as are begun at once are there before the first one has its answer.
  let last: (response: Response) => void = () => {}
  const all = new Promise<Response>((resolve) => last = resolve)
  let count = 0
  const fetch = async () => {
    if (++count === Math.min(text.length, MAX_AT_ONCE)) last(new Response())
    await all
    return new Response('x')
  }
  const server = await listen(fetch, { host: '127.0.0.1', port: 0 })
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(text.length))
  socket.write('no HTTP\r\n\r\n')
  for await (const _ of socket);
  await server.drain()
}
