/** In a caller's transaction that is committed in two phases: nothing of the ledger forbids it. */
import { expect, test } from 'vitest'
import { codeOf, copyOf, historyOf, one, useLedger } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { post } from '../support/post.ts'

const ledger = useLedger()

async function prepares(): Promise<boolean> {
  const { max } = await one(ledger.sql<{ max: number }[]>`
    select current_setting('max_prepared_transactions')::int as max`)
  return max > 0
}

test.for(['commit', 'rollback'])(
  'what was prepared happens at %s prepared',
  async (end, { skip }) => {
    skip(!await prepares(), 'needs max_prepared_transactions')
    const { sql } = ledger
    const [a, b] = [await ledger.user(10), await ledger.user()]
    await sql`insert into payment_history (user_id, action, amount) values (${a}, 'CREDIT', 5)`
    const caller = ledger.connect()
    await caller`begin`
    await caller`select debit_user(${a}, 1, 'k')`
    await caller`select transfer(${a}, ${b}, 2)`
    await caller`select place_hold(${a}, 3)`
    await caller`select capture_hold(${a}, 1, 1)`
    await caller`select reverse_entry(${a}, 3)`
    await caller`select debit_users(array[${a}::bigint], '{1}')`
    await post(caller, [{ op: 'CREDIT', user: b, amount: 1 }])
    const name = `two_phase_${end}_${a}`
    await caller.unsafe(`prepare transaction '${name}'`)
    // Whoever prepared it is free for something else, and the users are still held.
    expect(await post(caller, [{ op: 'DEBIT', user: a, amount: 1 }])).toMatchObject([
      { status: '55P03' },
    ])
    await sql`set lock_timeout = '50ms'`
    expect(await codeOf(sql`select debit_user(${a}, 1)`)).toBe('55P03')
    await sql`reset lock_timeout`
    expect(await copyOf(sql, a)).toBe('10.00 at 1')
    await sql.unsafe(`${end} prepared '${name}'`)
    if (end === 'rollback') await sql`select recalculate_balance(${a})`
    expect(await historyOf(sql, a)).toEqual([
      '+10.00=10.00',
      '+5.00=15.00',
      ...(end === 'commit'
        ? ['-1.00=14.00', '-2.00=12.00', '-1.00=11.00', '+1.00=12.00', '-1.00=11.00']
        : []),
    ])
    expect([...await findingsOf(sql, a), ...await findingsOf(sql, b)]).toEqual([])
    expect(await codeOf(sql`select debit_user(${a}, 1)`)).toBe('ok')
  },
)
