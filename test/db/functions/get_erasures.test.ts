import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { ageUsers } from '../../support/tampering.ts'

const ledger = useLedger()

test('get_erasures() tells what took something out of an entry last, and of which entries nothing', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`select credit_user(${id}, 1, 'a', '{"name": "Ada"}') from generate_series(1, 1)`
  // Anybody may write that.
  await sql`select credit_user(${id}, 1, null, '{"archived": 1}')`
  await ageUsers(sql, 100, id)
  await sql`select credit_user(${id}, 1, null, '{"erased": 2}')`
  const rows = async (seqs: string) =>
    (await sql<{ row: string }[]>`
      select format('%s %s', e.seq, e.operation) as row
        from ledger.get_erasures(${id}, ${seqs}::bigint[]) e`).map(({ row }) => row)
  expect(await rows('{1,2,3}')).toEqual([])
  await sql`select ledger.archive_entries(${`{${id}}`}::bigint[], '{1}', 'old')`
  expect(await rows('{1,2,3}')).toEqual(['1 ARCHIVE'])
  expect(await rows('{2,3}')).toEqual([])
  await sql`select erase_user(${id}, 'request 4711 of somebody')`
  expect(await rows('{1,2,3}')).toEqual(['1 ERASE', '2 ERASE'])
  const [erased] = await sql<{ intervention: string; id: string }[]>`
    select e.intervention, i.id from ledger.get_erasures(${id}, '{1}') e
      join interventions i on i.operation = 'ERASE'`
  expect(erased!.intervention).toBe(erased!.id)
})
