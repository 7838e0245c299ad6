/** verify_user() where what belongs together, of a user or of two, no longer does. */
import { expect, test } from 'vitest'
import { rehashHolds } from '../../support/holds.ts'
import { useLedger } from '../../support/ledger.ts'
import { tamper, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

/**
 * What is done to A and B: A has a transfer to B (seq 2), holds 1 (captured by seq 3) and 2, and
 * the reversal of seq 1 (seq 5).
 */
const PAIRS: Record<string, [string, string[]]> = {
  'the missing half of a transfer': [
    'delete from payment_history where user_id = B and seq = 1',
    ['transfer_unmatched 2'],
  ],
  'a half with another amount': [
    'update payment_history set amount = 11 where user_id = B and seq = 1',
    ['transfer_unmatched 2'],
  ],
  'a half that names another': [
    'update payment_history set peer_seq = 1 where user_id = B and seq = 1',
    ['transfer_unmatched 2'],
  ],
  'a missing hold': ['delete from holds where user_id = A and hold = 1', ['hold_invalid -']],
  'a hold without any trace': [
    'delete from holds where user_id = A and hold = 2;' +
    'delete from hold_changes where user_id = A and hold = 2',
    ['hold_invalid -'],
  ],
  ...Object.fromEntries(
    [
      'amount = 19',
      'remaining = 1',
      'captured = 19',
      `status = 'released'`,
      `expires_at = now() + interval '1 h'`,
      'changes = 1',
      `hash = ''`,
    ].map((change) => [
      `a hold with ${change}`,
      [`update holds set ${change} where user_id = A and hold = 1`, ['hold_invalid -']],
    ]),
  ),
  'a missing change of a hold': [
    'delete from hold_changes where user_id = A and hold = 1 and number = 2',
    ['hold_invalid -', 'hold_invalid -', 'hold_invalid 3'],
  ],
  'a missing first change of a hold': [
    'delete from hold_changes where user_id = A and hold = 1 and number = 1',
    ['hold_invalid -', 'hold_invalid -', 'hold_invalid -'],
  ],
  'a hold as it was before it was captured': [
    `delete from hold_changes where user_id = A and hold = 1 and number = 2;
     update holds h set (remaining, captured, status, changes, hash) =
         (h.amount, 0, 'active', 1, c.hash)
       from hold_changes c where h.user_id = A and h.hold = 1 and c.user_id = A and c.hold = 1`,
    ['hold_invalid -', 'hold_invalid 3'],
  ],
  ...Object.fromEntries(
    [
      'seq = 1',
      'balance = balance + 1',
      'available = available + 1',
      `at = '2020-01-01'`,
      `idempotency_key = 'k'`,
      `metadata = '{}'`,
      'position = 0',
      'position = null',
    ].map((change) => [
      `a change of a hold with ${change}`,
      [
        `update hold_changes set ${change} where user_id = A and hold = 2 and number = 1`,
        ['hold_invalid -'],
      ],
    ]),
  ),
  'a hold that was captured by no entry': [
    `update hold_changes set seq = 4 where user_id = A and hold = 1 and number = 2; REHASH`,
    ['hold_invalid -', 'hold_invalid 3'],
  ],
  'a hold captured for less than its entry': [
    `update hold_changes set amount = 19 where user_id = A and hold = 1 and number = 2;
     update holds set captured = 19 where user_id = A and hold = 1; REHASH`,
    ['hold_invalid -', 'hold_invalid 3'],
  ],
  'a hold of which more was captured than it was': [
    `update hold_changes set (amount, remaining) = (19, 19) where user_id = A and hold = 1
        and number = 1;
     update holds set amount = 19 where user_id = A and hold = 1; REHASH`,
    ['hold_invalid -'],
  ],
  'a hold captured in part of which all is still held': [
    `update hold_changes set remaining = 20 where user_id = A and hold = 1 and number = 2;
     update holds set (remaining, status) = (20, 'active') where user_id = A and hold = 1; REHASH`,
    ['hold_invalid -'],
  ],
  'a hold of more than there was': [
    `update hold_changes set available = -1 where user_id = A and hold = 2; REHASH`,
    ['hold_invalid -'],
  ],
  'a hold that was extended to an earlier time': [
    `insert into hold_changes (user_id, hold, number, action, amount, remaining, expires_at, at,
         hash) select A, 2, 2, 'extended', 5, 5, now(), now(), '';
     update holds set (changes, expires_at) = (2, now()) where user_id = A and hold = 2;
     update users set hold_changes = hold_changes + 1 where id = A; REHASH`,
    ['hold_invalid -'],
  ],
  'a change that nobody made': [
    `insert into hold_changes (user_id, hold, number, action, amount, remaining, expires_at, at,
         hash) select A, 2, 2, 'released', 5, 0, 'infinity', now(), '';
     update holds set (changes, remaining, status) = (2, 0, 'released')
      where user_id = A and hold = 2; REHASH`,
    ['hold_invalid -'],
  ],
  'a reversed entry that is missing': [
    'delete from payment_history where user_id = A and seq = 1',
    ['balance_wrong 2', 'gap 2', 'hash_differs 2', 'reversal_unmatched 5'],
  ],
  'a reversed entry of another amount': [
    'update payment_history set amount = 99 where user_id = A and seq = 1',
    ['balance_wrong 1', 'hash_differs 1', 'reversal_unmatched 5'],
  ],
}

test.each(Object.entries(PAIRS))('verify_user() finds %s', async (_, [statement, found]) => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(100), await ledger.user()]
  await sql`select transfer(${a}::bigint, ${b}::bigint, 10)`
  await sql`select place_hold(${a}::bigint, 20), place_hold(${a}::bigint, 5)`
  await sql`select capture_hold(${a}::bigint, 1::bigint)`
  await sql`select credit_user(${a}::bigint, 100)`
  await sql`select reverse_entry(${a}::bigint, 1::bigint)`
  expect([await verifyUser(sql, a), await verifyUser(sql, b)]).toEqual([[], []])
  await tamper(
    sql,
    statement.replaceAll(/\bA\b/g, `${a}`).replaceAll(/\bB\b/g, `${b}`)
      .replaceAll('REHASH', () => rehashHolds(a)),
  )
  expect(await verifyUser(sql, a)).toEqual(
    found.map((finding) => finding.replace(' ', ` ${a}/`)).sort(),
  )
})

test('verify_user() finds nothing in a history with everything in it', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user()]
  await sql`select transfer(${id}::bigint, ${other}::bigint, 10)`
  await sql`select reverse_entry(${id}::bigint, 2::bigint)`
  await sql`select place_hold(${id}::bigint, 20), place_hold(${id}::bigint, 30)`
  await sql`select place_hold(${id}::bigint, 5, 0.001)`
  await sql`select capture_hold(${id}::bigint, 1::bigint, 15), release_hold(${id}::bigint, 2::bigint)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 500)`
  expect(await verifyUser(sql, id)).toEqual([])
  await sql`select recalculate_balance(${id}::bigint)`
  expect([await verifyUser(sql, id), await verifyUser(sql, other)]).toEqual([[], []])
})
