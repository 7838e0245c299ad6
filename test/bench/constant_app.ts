/**
 * The app without its ledger: the same routes, validation and serialisation on the same server,
 * and the same answer to everybody at once. What is left is the most that any ledger could reach.
 */
import { createApp, type Dependencies } from '../../src/app/app.ts'
import { listen } from '../../src/server/http_server.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const STATE = { balance: '999999.99', available: '999999.99', seq: 2 }
const TIME = '2026-01-01T00:00:00.000000Z'
const ENTRY = {
  seq: 2,
  action: 'DEBIT',
  amount: '0.01',
  balance: '999999.99',
  ts: TIME,
  hash: '5ca51459d6d8ca3d398bf9c2d0cef4b008943bd9a61eec1b7859e9d3ed812314',
} as const

const snapshotOf = (id: number) => ({ id, ...STATE, updated_at: TIME })

const constant: Pick<Dependencies, 'write' | 'snapshots' | 'metrics' | 'notReady' | 'onFailure'> = {
  write: ({ userId }) =>
    Promise.resolve({
      status: 'ok',
      replayed: false,
      users: [{ userId, snapshot: snapshotOf(userId), entry: ENTRY }],
    }),
  snapshots: {
    read: (id) => Promise.resolve({ snapshot: snapshotOf(id), cache: 'hit' }),
    write: () => Promise.resolve(),
    invalidate: () => {},
  } as Dependencies['snapshots'],
  metrics: createMetrics(),
  notReady: () => Promise.resolve(undefined),
  onFailure: console.error,
}

// Nothing else of the ledger is asked for here.
const app = createApp({ ...constant } as Dependencies)
const { url } = await listen((request) => app.fetch(request), { host: '127.0.0.1', port: 0 })
console.log(`The constant app listens on ${url}`)
