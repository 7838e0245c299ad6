/** Ledgers that were rewritten so that everything adds up. */
import { expect, test } from 'vitest'
import { one } from '../../support/ledger.ts'
import { rehashHolds } from '../../support/holds.ts'
import {
  erasedControls,
  erasedEntries,
  erasedHolds,
  forgeErasures,
  rehash,
  REHASH_MANUAL_ENTRIES,
  rehashControls,
  rehashDetails,
  tamper,
} from '../../support/tampering.ts'
import { anchorFindings, firstAnchor, ledger } from './ledger.ts'

/** Each leaves a ledger in which everything adds up. */
const REWRITES: Record<string, (id: number, peer: number) => string[]> = {
  'a cut tail': (id) => [
    `delete from payment_history where user_id = ${id} and seq = 2`,
    `update users u set seq = 1, balance = (select balance from payment_history h
       where h.user_id = u.id and h.seq = 1) where id = ${id}`,
  ],
  'a wholesale rewrite': (id) => [
    `update payment_history set metadata = '{"new": true}'
      where user_id = ${id} and seq is not null`,
    rehash(id, 1),
    rehash(id, 2),
  ],
  'a deleted user': (id) => [
    `delete from payment_history where user_id = ${id}`,
    `delete from manual_entries where user_id = ${id}`,
    `delete from holds where user_id = ${id}`,
    `delete from hold_changes where user_id = ${id}`,
    `delete from user_controls where user_id = ${id}`,
    `delete from user_details where user_id = ${id}`,
    `delete from user_references where user_id = ${id}`,
    `delete from users where id = ${id}`,
  ],
  'a hold of another amount': (id) => [
    `update hold_changes set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    `update holds set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    rehashHolds(id),
  ],
  'a hold that was never released': (id) => [
    `delete from hold_changes where user_id = ${id} and hold = 2 and number = 2`,
    `update holds set (status, remaining, changes) = ('active', amount, 1)
      where user_id = ${id} and hold = 2`,
    rehashHolds(id),
    `update users set hold_changes = 5 where id = ${id}`,
  ],
  'a hold that was removed': (id) => [
    `delete from holds where user_id = ${id} and hold = 2`,
    `delete from hold_changes where user_id = ${id} and hold = 2`,
    `update users set hold_changes = 4 where id = ${id}`,
  ],
  'a hold that expires later': (id) => [
    `update hold_changes set expires_at = 'infinity' where user_id = ${id} and hold = 1`,
    `update holds set expires_at = 'infinity' where user_id = ${id} and hold = 1`,
    rehashHolds(id),
  ],
  'a manual entry that says something else': (id) => [
    `update payment_history set amount = 6 where user_id = ${id} and seq is null`,
    REHASH_MANUAL_ENTRIES,
  ],
  'a manual entry of somebody else': (id) => [
    `update manual_entries set entered_by = 'mallory' where user_id = ${id}`,
    REHASH_MANUAL_ENTRIES,
  ],
  'a manual entry that was removed': (id) => [
    `delete from payment_history where user_id = ${id} and seq is null`,
    `delete from manual_entries where user_id = ${id}`,
  ],
  'a freeze by somebody else': (id) => [
    `update user_controls set role = 'mallory' where user_id = ${id} and number = 1`,
    rehashControls(id),
  ],
  'a limit that nobody set': (id) => [
    `delete from user_controls where user_id = ${id} and number = 3`,
    `update users set (credit_limit, hold_changes) = (null, 5) where id = ${id}`,
  ],
  'a reference of another user': (id, peer) => [
    `update user_references set user_id = ${peer} where user_id = ${id}`,
    `update user_details set reference = null where user_id = ${id}`,
    `update user_details set reference = (select reference from user_references r
       where r.user_id = ${peer}) where user_id = ${peer}`,
    rehashDetails(id),
    rehashDetails(peer),
  ],
  'a user who was made without a reference': (id) => [
    `delete from user_references where user_id = ${id}`,
    `delete from user_details where user_id = ${id}`,
  ],
  'other metadata of a user': (id) => [
    `update user_details set metadata = '{"iban": "DE1"}' where user_id = ${id}`,
    rehashDetails(id),
  ],
  'a history without interventions': () => [
    // Of the withdrawal, and so its manual entry.
    `delete from manual_entries m using interventions i
      where i.user_id = m.user_id and i.before -> 'id' = to_jsonb(m.id)`,
    'delete from interventions',
  ],
  // Last: what these say was erased would be left of a history without interventions.
  'an amount that a false erasure covers': (id) => [
    `update payment_history set amount = amount + 5 where user_id = ${id} and seq = 1`,
    `update payment_history set (balance, metadata) = (balance + 5, '{"erased": 1}')
      where user_id = ${id} and seq is not null`,
    `update users set balance = balance + 5 where id = ${id}`,
    ...forgeErasures(id, erasedEntries(id)),
  ],
  'a limit that a false erasure covers': (id) => [
    `update user_controls set credit_limit = 500 where user_id = ${id} and number = 3`,
    `update users set credit_limit = 500 where id = ${id}`,
    ...forgeErasures(id, erasedControls(id)),
  ],
  'a hold that a false erasure covers': (id) => [
    `update hold_changes set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    `update holds set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    ...forgeErasures(id, erasedHolds(id)),
  ],
}

test.each(Object.entries(REWRITES))(
  '%s that adds up is found by an anchor',
  async (name, rewrite) => {
    const { sql } = ledger
    const { id: made } = await one(sql<{ id: string }[]>`
      select id from create_user(reference => ${name})`)
    const { id: peer } = await one(sql<{ id: string }[]>`
      select id from create_user(metadata => '{"peer": true}')`)
    const id = Number(made)
    await sql`select credit_user(${id}::bigint, 10), credit_user(${id}::bigint, 1)`
    await sql`select place_hold(${id}::bigint, 2, 3600), place_hold(${id}::bigint, 3)`
    await sql`select release_hold(${id}::bigint, 2)`
    await sql`select freeze_user(${id}::bigint), thaw_user(${id}::bigint)`
    await sql`select set_credit_limit(${id}::bigint, 5)`
    await sql`insert into payment_history (user_id, action, amount) values (${peer}, 'CREDIT', 7)`
    await sql`select withdraw_entry(user_id, id) from payment_history
      where user_id = ${peer} and seq is null`
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    const { id: entry } = await one(sql<{ id: string }[]>`
      insert into payment_history (user_id, action, amount) values (${peer}, 'CREDIT', 5)
      returning id`)
    await sql`select withdraw_entry(${peer}::bigint, ${entry}::bigint)`
    const first = await firstAnchor(name.replaceAll(' ', '_'))
    expect(await anchorFindings(first)).toEqual([])
    await tamper(sql, ...rewrite(id, Number(peer)))
    expect([...await sql`select * from verify_ledger()`]).toEqual([])
    expect(await anchorFindings(first)).toEqual(['anchor_differs'])
  },
)
