import { expect, test } from 'vitest'
import { codeOf, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('get_statement() answers what lies between two seqs, oldest first', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user()]
  await sql`select debit_user(${id}, 1, 'key', '{"m": 1}')`
  await sql`select transfer(${id}, ${other}, 2)`
  await sql`select reverse_entry(${id}, 2)`
  await sql`select credit_user(${id}, 2)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
  const page = (after: number, upto: number | null, rows: number) =>
    sql`select seq from ledger.get_statement(${id}, ${after}, ${upto}::bigint, ${rows})`
      .then((page) => page.map(({ seq }) => Number(seq)))
  expect(await page(0, null, 1000)).toEqual([1, 2, 3, 4, 5])
  expect(await page(0, null, 2)).toEqual([1, 2])
  expect(await page(2, 4, 1000)).toEqual([3, 4])
  expect(await page(4, 4, 1000)).toEqual([])
  expect(await page(5, null, 1000)).toEqual([])
  const newest = await sql`select * from ledger.get_history(${id})`
  const oldest = await sql`select * from ledger.get_statement(user_id => ${id})`
  expect([...oldest]).toEqual([...newest].reverse())
})

test('get_statement() answers nothing for an unknown user, and waits for nobody', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  const holder = ledger.connect()
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  await sql`set lock_timeout = '1s'`
  expect(await codeOf(sql`select * from ledger.get_statement(${id})`)).toBe('ok')
  await holder`rollback`
  for (const user of [999_999, null]) {
    expect(await sql`select * from ledger.get_statement(${user}::bigint)`).toHaveLength(0)
  }
})
