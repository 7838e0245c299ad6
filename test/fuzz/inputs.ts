/**
 * Every place where a text of somebody else comes in, as something that takes such a text. To be
 * imported after what counts work.
 */
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { createAccess } from '../../src/auth/access.ts'
import { createJwtVerifier } from '../../src/auth/access_jwt.ts'
import { parseTokens } from '../../src/auth/access_tokens.ts'
import { createApp } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { RawJson } from '../../src/core/raw_json.ts'
import { databaseTarget } from '../../src/config/database_tls.ts'
import { createMemoryStore } from '../../dev/memory_store.ts'
import { createRedisRest } from '../../dev/redis_rest.ts'
import { createFailureLimit } from '../../src/auth/failure_limit.ts'
import { listen } from '../../src/server/http_server.ts'
import { DEFAULT_LIMITS } from '../../src/config/limits.ts'
import { arrayLiteral, type Entry, type StatementEntry } from '../../src/ledger/rows.ts'
import type { Outcome, UserOutcome } from '../../src/ledger/operations.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { MAX_AT_ONCE } from '../../src/server/pipelining.ts'
import { networkOf } from '../../src/http/peer.ts'
import { parseEntry, type Versioned } from '../../src/cache/snapshot_entry.ts'
import { CSV, NDJSON } from '../../src/ledger/statement.ts'
import { createEvents } from '../../src/ledger/events.ts'
import { NO_DIGEST } from '../../src/ledger/event_cursor.ts'

/** Takes a text, and may refuse it. */
export type Input = (text: string) => unknown

const TOKEN = 'ledger_known'
const AT = '2026-01-01T00:00:00.000000Z'
const ENTRY: Entry = { seq: 1, action: 'DEBIT', amount: '1.00', balance: '1.00', ts: AT, hash: '' }
const VERSIONED: Versioned = {
  snapshot: { id: 1, balance: '1.00', available: '1.00', seq: 1, updated_at: AT },
  version: 1,
  read_at: AT,
}
const LINE: StatementEntry = { ...ENTRY, posted_at: AT, held: '0.00' }
const USER: UserOutcome = {
  userId: 1,
  snapshot: VERSIONED.snapshot,
  entry: ENTRY,
  hold: {
    hold: 1,
    user_id: 1,
    amount: '1.00',
    status: 'active',
    expires_at: null,
    available: '0.00',
  },
}
const OUTCOME: Outcome = { status: 'ok', replayed: false, users: [USER, USER] }

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const answer = <T>(value: T) => () => Promise.resolve(value)

/** An app whose ledger knows one user with one entry. */
function appOf(isClosed: boolean) {
  const metrics = createMetrics()
  const caller = { name: 'one', scopes: new Set(['debit', 'read'] as const) }
  const access = createAccess({
    tokens: new Map([[sha256(TOKEN), caller]]),
    verifyJwt: createJwtVerifier({
      key: { secret: 'x'.repeat(32) },
      algorithms: ['HS256'],
      issuer: 'i',
      audience: 'a',
    }),
    sha256,
    failures: createFailureLimit({ perMinute: 1_000_000 }),
    metrics,
  })
  const end = { position: 0, digest: NO_DIGEST, through: 0 }
  const events = createEvents({ getEvents: answer({ found: [], end }) })
  events.settled({ epoch: 'epoch', incarnation: '00000000', position: 1, lastPosition: 1 })
  const moment = { at: AT, seq: 1, balance: '1.00', hash: '', isFuture: false }
  return createApp({
    // Larger than any text here.
    limits: { ...DEFAULT_LIMITS, maxBodyBytes: 2 ** 24, maxDebitsBodyBytes: 2 ** 24 },
    ...(isClosed && { access }),
    rate: { requests: 1_000_000, seconds: 1 },
    ledger: {
      createUser: answer({ id: 1, created: true, replayed: false, created_at: AT }),
      listUsers: answer([]),
      findEntries: answer({ entries: [], scannedTo: undefined }),
      listJournal: answer({ entries: [], scannedTo: undefined }),
      listHolds: answer({ holds: [], scannedTo: undefined }),
      setControl: answer({ frozen_at: null, credit_limit: '0.00' }),
      getUserState: answer({ frozen_at: null, credit_limit: '0.00' }),
      listControls: answer([]),
      getUsers: answer(new Map([[1, VERSIONED]])),
      getHistory: answer([ENTRY]),
      getStatement: answer([LINE]),
      getEntry: answer(ENTRY),
      getBalances: answer({ at: AT, isFuture: false, balances: [] }),
      getMoments: answer([moment, moment]),
    },
    events,
    refreshEvents: answer(undefined),
    verify: answer({ entries: 1, findings: [], isPartial: false }),
    write: answer(OUTCOME),
    snapshots: {
      read: answer({ snapshot: VERSIONED.snapshot, cache: 'hit' as const }),
      invalidate: () => {},
    },
    metrics,
    notReady: answer(undefined),
    onFailure: (what, error) => {
      throw new Error(what, { cause: error })
    },
  })
}

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
