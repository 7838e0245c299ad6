import { beforeAll, expect, test } from 'vitest'
import { codeOf, useLedger } from '../../support/ledger.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

beforeAll(async () => {
  for (const reason of ['the first reason', 'the second one', 'the third of them']) {
    await ledger.sql`select break_glass(${reason}::text)`
  }
})

test('interventions are numbered without gaps and chained, also those that came at once', async () => {
  const [a, b] = [ledger.connect(), ledger.connect()]
  await a`begin`
  await a`select break_glass('rolled back again')`
  const waiting = b`select break_glass('while that was open') as id`.then((rows) => rows[0]!['id'])
  await a`rollback`
  expect(await waiting).toBe('4')
  const rows = await ledger.sql`
    select i.id, i.at > lag(i.at) over w as is_later,
           i.hash = ledger.intervention_hash(lag(i.hash) over w, i) as is_right
      from interventions i window w as (order by i.id)`
  expect([...rows]).toEqual(
    [1, 2, 3, 4].map((n) => ({ id: `${n}`, is_later: n === 1 ? null : true, is_right: true })),
  )
})

test('an intervention under repeatable read never takes the place of one that it can’t see', async () => {
  const sql = ledger.connect()
  await sql`begin isolation level repeatable read`
  await sql`select`
  await sql`select from users limit 1`
  await ledger.sql`select break_glass('committed meanwhile')`
  expect(await codeOf(sql`select break_glass('sees only what was before')`)).toMatch(
    /^23505|40001$/,
  )
  await sql`rollback`
})

test.each([
  ['an edited reason', `update interventions set reason = 'another one' where id = 2`],
  ['an edited role', `update interventions set role = 'x' where id = 2`],
  ['another time', `update interventions set at = at + interval '1 us' where id = 2`],
  ['one that was removed', 'delete from interventions where id = 2'],
  ['the first, removed', 'delete from interventions where id = 1'],
  ['another order', 'update interventions set id = 5 - id + 95 where id in (2, 3)'],
  [
    'one that was put in between',
    `insert into interventions (id, operation, reason, hash)
     select 99, 'BREAK GLASS', 'never happened', ''`,
  ],
])('intervention_invalid finds %s', async (_, statement) => {
  const sql = ledger.connect()
  await sql`begin`
  const isInvalid = (finding: string) => finding.startsWith('intervention_invalid')
  expect((await verifyLedger(sql)).filter(isInvalid)).toEqual([])
  await sql`alter table interventions disable trigger guard_row`
  await sql.unsafe(statement)
  expect((await verifyLedger(sql)).filter(isInvalid)).not.toEqual([])
  await sql`rollback`
})
