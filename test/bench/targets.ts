/** Holds and entries that are made beforehand, for requests and calls that need one each. */
import type { LedgerDatabase } from './ledger_database.ts'
import type { LoadResult, Targets, Users } from './load.ts'

const BATCH = 1000
/** More than any load here takes; what is left over is for the next time. */
const A_SECOND = 10_000
const LEAST = 1000

export interface Supply {
  /** As many as may be needed in this time. */
  take(seconds: number): Promise<Targets>
  /** Takes note of how many were needed. */
  used(result: LoadResult): void
}

interface SupplyOptions {
  /** What is made of them: holds that never expire, or debits. */
  kind: 'HOLD' | 'DEBIT'
  /** At random. */
  users: Users
  /** At most so many at a time: then it may be over earlier. */
  most?: number
}

/** In calls of ledger.post, which take a fraction of what they are made for. */
export function createSupply(
  { sql }: LedgerDatabase,
  { kind, users, most = Infinity }: SupplyOptions,
): Supply {
  let ready: { user: number; ref: number }[] = []

  async function make(count: number): Promise<void> {
    const ids = Array.from(
      { length: count },
      () => users.first + Math.floor(Math.random() * users.count),
    )
    const rows = await sql<{ user: string; ref: string; status: string }[]>`
      select o.user_id as user, case o.status when 'ok' then coalesce(o.hold, o.seq) end as ref,
             o.status
        from ledger.post(array_fill(${kind}::text, array[${count}::integer]),
          ${`{${ids.join()}}`}::bigint[], array_fill(0.01, array[${count}::integer]),
          wait => true) o`
    const refused = rows.find(({ status }) => status !== 'ok')
    if (refused) throw new Error(`${kind} for ${refused.user}: ${refused.status}`)
    ready.push(...rows.map(({ user, ref }) => ({ user: Number(user), ref: Number(ref) })))
  }

  return {
    async take(seconds) {
      const count = Math.min(most, Math.max(LEAST, Math.ceil(seconds * A_SECOND)))
      while (ready.length < count) await make(Math.min(BATCH, count - ready.length))
      return {
        users: Uint32Array.from(ready, ({ user }) => user),
        refs: Uint32Array.from(ready, ({ ref }) => ref),
      }
    },
    used({ streams: [measured] }) {
      const answers = Object.values(measured!.statuses).reduce((sum, count) => sum + count, 0)
      ready = ready.slice(answers)
    },
  }
}
