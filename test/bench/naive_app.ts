/** The same app on naive.sql: one transaction for each request, no batches. */
import postgres from 'postgres'
import { createApp, type Dependencies } from '../../src/app.ts'
import { isoTimestamp } from '../../src/database.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { Listen } from '../../src/servers.ts'

/** Enough to keep two processors and a disk busy. */
const CONNECTIONS = 16

const types = {
  date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String },
}
const options = {
  max: CONNECTIONS,
  fetch_types: false,
  types,
  connection: { TimeZone: 'UTC' },
} as unknown as postgres.Options<{}>

const sql = postgres(process.env['DATABASE_URL']!, options)

const post: Dependencies['post'] = async ({ userId, amount }) => {
  const [row] = await sql<{ id: string; balance: string; ts: string }[]>`
    select * from naive_debit(${userId}::bigint, ${amount}::numeric)`
  const { balance } = row!
  const seq = Number(row!.id)
  const ts = isoTimestamp(row!.ts)
  return {
    snapshot: { id: userId, balance, available: balance, seq, updated_at: ts },
    entry: { seq, action: 'DEBIT', amount: amount!, balance, ts, hash: '' },
    replayed: false,
  }
}

// Named by a variable, for otherwise each runtime's compiler would look into the other's entry.
const entry = 'Deno' in globalThis ? '../../src/deno.ts' : '../../src/node.ts'
const { listen } = await import(entry) as { listen: Listen }
const app = createApp(
  {
    post,
    metrics: createMetrics(),
    notReady: () => Promise.resolve(undefined),
    onFailure: console.error,
  } as Partial<Dependencies> as Dependencies,
)
const { url } = await listen((request) => app.fetch(request), { host: '127.0.0.1', port: 0 })
console.log(`The naive app listens on ${url}`)
