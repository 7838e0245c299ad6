/** Somebody who follows the events of one instance through every fault. */
import type postgres from 'postgres'
import { createLedgerClient, CursorGoneError } from '../../client/ledger.ts'
import { pause, until } from './pause.ts'
import type { Record } from './record.ts'

/** Whatever has been settled by then has come. */
const ARRIVAL_MS = 100_000
const RETRY_MS = 100

export interface EventReader {
  /** Adds a violation unless each event of the database has come once, in order. */
  check(sql: postgres.Sql): Promise<void>
  stop(): Promise<void>
}

/** Follows them from the first one on, behind the last one that came whole. */
export function startEventReader(url: string, { violations }: Record): EventReader {
  const ids: string[] = []
  const stopped = new AbortController()
  const { signal } = stopped
  const client = createLedgerClient({ url, deadlineMs: 2_000 })

  async function follow() {
    for (let after: string | undefined; !signal.aborted;) {
      try {
        for await (const { id, cursor } of client.events(after ? { after } : {}, { signal })) {
          ids.push(id)
          after = cursor
        }
      } catch (error) {
        if (error instanceof CursorGoneError) {
          return violations.add(`${url} lost ${after ?? 'what there was'}`)
        }
        await pause(RETRY_MS)
      }
    }
    return undefined
  }
  const following = follow()

  return {
    async check(sql) {
      const expected = await eventsIn(sql)
      await until(ARRIVAL_MS, () => ids.length >= expected.length)
      const at = Array.from({ length: Math.max(ids.length, expected.length) }, (_, n) => n)
        .find((n) => ids[n] !== expected[n])
      if (at === undefined) return
      violations.add(`event ${at} of ${expected.length} came as ${ids[at]}, it is ${expected[at]}`)
    },
    async stop() {
      stopped.abort()
      await following
    },
  }
}

/** The ids that events have, in order, from the tables themselves. */
async function eventsIn(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select x.position || '-' || left(encode(x.hash, 'hex'), 16) as id from (
      select h.id as position, h.hash from payment_history h where h.seq is not null
      union all
      select c.position, c.hash from hold_changes c
      union all
      select k.position, sha256(convert_to(concat_ws(' ', k.position, k.user_id, k.number,
               (extract(epoch from k.at) * 1000000)::bigint), 'UTF8'))
        from user_controls k) x
     order by x.position`
  return rows.map(({ id }) => id)
}
