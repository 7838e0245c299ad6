/** A ledger with something in every column of every table, one user of it erased. */
import type postgres from 'postgres'
import { ageUsers } from './tampering.ts'

const manual = (user: number, amount: number) =>
  `insert into payment_history (user_id, action, amount, metadata)
     values (${user}, 'CREDIT', ${amount}, '{"manual": ${amount}}')`

/** Of the user who is erased. */
const BEFORE = [
  `select create_user(4, 'four', '{"n": 4}', 'k4'), credit_user(4, 100, 'c', '{"n": 4}')`,
  `select place_hold(4, 5, null, 'h', '{"n": 4}'), release_hold(4, 1, 'r', '{"n": 4}')`,
  `select freeze_user(4, 'a reason'), thaw_user(4, 'another')`,
  manual(4, 1),
  'select recalculate_balance(4)',
  manual(4, 2),
  `select withdraw_entry(4, id, 'mistyped by somebody') from payment_history where seq is null`,
]

/** User 1 has nothing, 2 everything, 5 only an entry. */
const AFTER = [
  `select erase_user(4, 'request 4711, decided', '1 day')`,
  `select create_user(2, 'two', '{"n": 2}', 'k2'), create_user(3, 'three'), create_user(5)`,
  `select credit_user(2, 100, 'c', '{"a": 1}'), credit_user(3, 50), credit_user(5, 1)`,
  `select transfer(2, 3, 10, 't', '{"t": 1}'), debit_user(2, 1, 'd')`,
  `select reverse_entry(2, 3, 'r', '{"r": 1}')`,
  `select place_hold(2, 5, 3600, 'h', '{"h": 1}'), place_hold(2, 6), place_hold(2, 7, 100)`,
  `select capture_hold(2, 1, 2, 'hc', '{"hc": 1}', false), extend_hold(2, 1, 7200, 'he')`,
  `select release_hold(2, 2, 'hr', '{"hr": 1}')`,
  `select freeze_user(2, 'a reason'), thaw_user(2), set_credit_limit(2, 5, 'more')`,
  `select ledger.set_control('FREEZE', 3, null, 'why', 'a caller')`,
  `select ledger.claim_webhook('one', 'me', 60, 0)`,
  manual(2, 3),
  'select recalculate_balance(2)',
  manual(2, 4),
  manual(3, 5),
  `select withdraw_entry(3, id, 'mistyped by somebody') from payment_history where amount = 5`,
]

export async function fillEveryTable(sql: postgres.Sql): Promise<void> {
  for (const statement of BEFORE) await sql.unsafe(statement)
  await ageUsers(sql, 3, 4)
  for (const statement of AFTER) await sql.unsafe(statement)
}
