/** Verification while everybody writes finds what was forged, in every run, and nothing else. */
import { expect, test } from 'vitest'
import { verifyCommand, whileAllWrite } from '../../support/everything.ts'
import { one, useLedger } from '../../support/ledger.ts'
import { isOnCitus } from '../../support/on_citus.ts'
import { SEED, shareOf } from '../../support/share.ts'
import { rehash, tamper, verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()
// On Citus each asks every shard, and again about whoever is being written.
const ROUNDS = shareOf(isOnCitus() ? 3 : 15, 1)
/** Of users and entries alone: what looks at the guards takes longer. */
const PAGES = shareOf(isOnCitus() ? 12 : 60, 3)

const makeUsers = async (count: number): Promise<number[]> => {
  const ids: number[] = []
  for (let n = 0; n < count; n++) ids.push(await ledger.user(1000))
  return ids
}

test('nothing is found while everything is done to users', async () => {
  const repeat = async (times: number, find: () => Promise<unknown>) => {
    for (let n = 0; n < times; n++) expect(await find()).toEqual([])
  }
  const [first, second, third] = [ledger.connect(), ledger.connect(), ledger.connect()]
  const readPages = async () =>
    Array.from(
      await first`
      select f.* from ledger.verify_entries(), unnest(findings) f
      union all select f.* from ledger.verify_users(), unnest(findings) f`,
    )
  // There is no snapshot of several servers.
  const levels = isOnCitus() ? ['read committed'] : ['read committed', 'repeatable read']
  await whileAllWrite(() => ledger.connect(), await makeUsers(8), SEED, async () => {
    await Promise.all([
      repeat(PAGES, readPages),
      ...[second, third].map((sql) => repeat(ROUNDS, () => verifyLedger(sql))),
      ...levels.map(async (level) => {
        for (let n = 0; n < ROUNDS; n++) {
          expect(await verifyCommand(ledger.url, level)).toMatch(/^0 no findings: /)
        }
      }),
    ])
  })
})

test('what was forged is found in every run, whatever is done to its users', async () => {
  const { sql } = ledger
  const users = await makeUsers(9)
  const [hash, hold, control, count, from, to, manual, reference, untouched] = users.map(String)
  await sql`select place_hold(${hold!}::bigint, 1)`
  await sql`select set_credit_limit(${control!}::bigint, 1, 'a reason')`
  await sql`select place_hold(${count!}::bigint, 1)`
  await sql`select transfer(${from!}::bigint, ${to!}::bigint, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (${manual!}::bigint, 'CREDIT', 5)`
  await sql`select recalculate_balance(${manual!}::bigint)`
  const { id: made } = await one(sql<{ id: string }[]>`
    select id from create_user(reference => 'alice', metadata => '{"n": 1}')`)
  await tamper(
    sql,
    `update payment_history set metadata = '{"n": 1}' where user_id = ${hash} and seq = 1`,
    `update hold_changes set amount = 2 where user_id = ${hold}`,
    `update user_controls set reason = 'another' where user_id = ${control} and number = 1`,
    `update users set hold_changes = hold_changes + 1 where id = ${count}`,
    `update payment_history set peer_seq = 99 where user_id = ${from} and seq = 2`,
    rehash(from!, 2),
    `delete from manual_entries where user_id = ${manual}`,
    `insert into user_references values ('invented', ${reference})`,
    `update users set created_at = '2020-01-01' where id = ${made}`,
  )
  const forged = [
    `hash_differs ${hash}/1`,
    `hold_invalid ${hold}/-`,
    `control_differs ${control}/-`,
    `hold_invalid ${count}/-`,
    `transfer_unmatched ${from}/2`,
    `transfer_unmatched ${to}/2`,
    `manual_entry_invalid ${manual}/2`,
    `reference_differs ${reference}/-`,
    `details_invalid ${made}/-`,
  ]
  await whileAllWrite(() => ledger.connect(), [...users, Number(made)], SEED, async () => {
    const reader = ledger.connect()
    for (let n = 0; n < ROUNDS; n++) {
      const found = await verifyLedger(reader)
      expect(found).toEqual(expect.arrayContaining(forged))
      expect(found.filter((one) => one.includes(` ${untouched}/`))).toEqual([])
    }
    expect(await verifyCommand(ledger.url)).toMatch(/^1 /)
  })
})
