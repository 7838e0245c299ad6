import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { pagesOf } from '../../support/plans.ts'

const ledger = useLedger()

const keys = async (id: number, prefix: string, maxRows = 10) =>
  (await ledger.sql`select x from ledger.find_keys(${id}, ${prefix}, ${maxRows}) x`)
    .map(({ x }) => x as string)

test('find_keys() finds those of entries and of changes of holds, by their bytes', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user(100)]
  for (const key of ['run#0', 'run#b', 'run#a.1', 'run#a', 'run#a.10', 'run#B', 'RUN#0', 'run']) {
    await sql`select debit_user(${id}, 1, ${key}::text)`
  }
  await sql`select place_hold(${id}, 1, 60, 'run#a.2')`
  await sql`select extend_hold(${id}, 1, 90, 'run#c')`
  await sql`select release_hold(${id}, 1, 'runs')`
  await sql`select transfer(${other}, ${id}, 1, 'run#0')`
  expect(await keys(id, 'run#')).toEqual(['0', 'B', 'a', 'a.1', 'a.10', 'a.2', 'b', 'c'])
  expect(await keys(id, 'run#', 3)).toEqual(['0', 'B', 'a'])
  expect(await keys(id, 'run#a.1')).toEqual(['', '0'])
  expect(await keys(id, 'runs')).toEqual([''])
  expect(await keys(other, 'run#')).toEqual(['0'])
  expect(await keys(4711, 'run#')).toEqual([])
  // The last visible character of ASCII.
  await sql`select debit_user(${id}, 1, '~~1')`
  expect(await keys(id, '~')).toEqual(['~1'])
})

test('find_keys() reads no other keys of the user', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 1, 'run#' || n) from generate_series(1, 5) n`
  const statement = `select * from ledger.find_keys(${id}, 'run#')`
  await sql.unsafe(statement)
  const few = await pagesOf(sql, statement)
  // As they would have been posted, but for their hashes, which nothing here looks at.
  await sql`
    insert into payment_history (user_id, action, amount, seq, balance, sealed_at, held, hash,
      idempotency_key)
    select ${id}, 'DEBIT', 0.01, 100 + n, 1, now(), 0, sha256(''::bytea),
           case when n % 2 = 0 then 'a' else 'z' end || repeat('y', 100) || n
      from generate_series(1, 20000) n`
  expect(await keys(id, 'run#')).toHaveLength(5)
  expect(await pagesOf(sql, statement)).toBeLessThan(few + 20)
})
