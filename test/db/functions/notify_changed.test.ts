import { expect, test } from 'vitest'
import { codeOf, notifiedBy, useLedger } from '../../ledger.ts'

const ledger = useLedger()

test('what people call tells the version that a user has got', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(10), await ledger.user(10)]
  expect(await notifiedBy(sql, () => sql`select debit_user(${id}, 1)`)).toEqual([`${id}:2`])
  expect(await notifiedBy(sql, () => sql`select credit_user(${id}, 1)`)).toEqual([`${id}:3`])
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  expect(await notifiedBy(sql, () => sql`select recalculate_balance(${id})`)).toEqual([`${id}:4`])
  const debit = () => sql`select debit_users(${`{${id},${other},${id}}`}::bigint[], '{1,1,1}')`
  expect((await notifiedBy(sql, debit)).sort()).toEqual([`${id}:6`, `${other}:2`].sort())
})

test('debit_user() tells the version also when a repeat picks up hand-made rows', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select debit_user(${id}, 1, 'a')`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  expect(await notifiedBy(sql, () => sql`select debit_user(${id}, 1, 'a')`)).toEqual([`${id}:3`])
})

test('a refusal and a rollback tell nobody', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  expect(await notifiedBy(sql, () => codeOf(sql`select debit_user(${id}, 11)`))).toEqual([])
  const caller = ledger.connect()
  const work = async () => {
    await caller`begin`
    await caller`select debit_user(${id}, 1)`
    await caller`rollback`
  }
  expect(await notifiedBy(sql, work)).toEqual([])
})

test('post_entries() tells nobody: NOTIFY would serialise commits', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const post = () => sql`select post_entries(array[${id}::bigint], array['DEBIT'], array[1.0])`
  expect(await notifiedBy(sql, post)).toEqual([])
})

test('notify_changed() says for each user which version', async () => {
  const service = ledger.connect('ledger_service')
  expect(await notifiedBy(ledger.sql, () => service`select notify_changed('{7,9}', '{8,1}')`))
    .toEqual(['7:8', '9:1'])
})
