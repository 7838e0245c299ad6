/** Calls without the service: connections that call one function, one call a transaction. */
import postgres from 'postgres'
import { randomOf } from '../support/share.ts'
import type { Measured, SqlJob } from './load.ts'
import { createPicker, type Pick } from './picks.ts'
import { callOf } from './sql_calls.ts'
import { createTally, type Tally } from './tally.ts'

/** After these a connection has its plans, which it then keeps. */
const WARM_CALLS = 6

type Answer = { n?: string; status?: string; action?: string; user_id?: string; seq?: string }

/** By database; who calls a database many times a second doesn't connect anew for it, either. */
const kept = new Map<string, postgres.Sql[]>()

function clientsOf({ url, connections }: SqlJob): postgres.Sql[] {
  const options = { max: 1, fetch_types: false, max_lifetime: null, onnotice: () => {} }
  const clients = kept.get(url) ?? []
  kept.set(url, clients)
  while (clients.length < connections) clients.push(postgres(url, options))
  return clients.slice(0, connections)
}

function note(tally: Tally, rows: Answer[], makes: string | undefined): void {
  for (const { n, status, action, user_id, seq } of rows) {
    // Of a batch; a hold has a status of its own.
    if (n !== undefined && status !== 'ok') tally.status(`${status} of a batch`)
    else if (makes && action === makes) tally.acked(Number(user_id), Number(seq))
  }
}

/** So many picks for a call; undefined once there aren't as many. */
function take(pick: () => Pick | undefined, items: number): Pick[] | undefined {
  const picks: Pick[] = []
  for (let n = 0; n < items; n++) {
    const next = pick()
    if (!next) return undefined
    picks.push(next)
  }
  return picks
}

let calls = 0

export async function runSqlLoad(job: SqlJob): Promise<Measured> {
  const { connections, seconds, items = 1 } = job
  const { statement, values, makes } = callOf(job.call)
  const pick = createPicker(job, randomOf(connections))
  const tally = createTally(makes)
  const clients = clientsOf(job)

  /** @returns false when nothing is left to call it for */
  async function call(sql: postgres.Sql): Promise<boolean> {
    const picks = take(pick, items)
    if (!picks) return false
    const rows = await sql.unsafe<Answer[]>(statement, values(picks, calls++), { prepare: true })
    tally.status('ok')
    note(tally, rows, makes)
    return true
  }

  await Promise.all(clients.map(async (sql) => {
    for (let n = 0; n < WARM_CALLS; n++) if (await call(sql)) tally.good(0, false)
  }))
  const start = performance.now()
  let end = start + seconds * 1000
  await Promise.all(clients.map(async (sql) => {
    for (let since = start; since < end;) {
      if (!await call(sql)) {
        end = Math.min(end, performance.now())
        return
      }
      const now = performance.now()
      tally.good(now - since, now < end)
      since = now
    }
  }))
  return tally.result((end - start) / 1000)
}
