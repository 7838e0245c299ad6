import { afterEach, beforeEach, expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'
import { rehashDetails, tamper, verifyLedger, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

let id: number
let other: number

beforeEach(async () => {
  const { sql } = ledger
  other = await ledger.user()
  id = Number(
    (await one(sql<{ id: string }[]>`
    select id from create_user(reference => 'alice', idempotency_key => 'k')`)).id,
  )
})
afterEach(() =>
  tamper(ledger.sql, 'delete from user_details; delete from user_references; delete from user_keys')
)

/** Statements for somebody whom nothing stops, about the user ID and the one who is OTHER. */
const CASES: [string, string[], string[]][] = [
  ['user_references leads to another user', ['update user_references set user_id = OTHER'], [
    'reference_differs ID/-',
    'reference_differs OTHER/-',
  ]],
  ['a reference is gone', ['delete from user_references'], ['reference_differs ID/-']],
  ['a reference was invented', [`insert into user_references values ('mine', OTHER)`], [
    'reference_differs OTHER/-',
  ]],
  ['a key leads to another user', ['update user_keys set user_id = OTHER'], [
    'reference_differs ID/-',
    'reference_differs OTHER/-',
  ]],
  ['a key is gone', ['truncate user_keys'], ['reference_differs ID/-']],
  ['details are gone', ['delete from user_details'], [
    'reference_differs ID/-',
    'reference_differs ID/-',
  ]],
  ['details and their hash were edited', [
    `update user_details set reference = 'mine'`,
    'REHASH',
  ], ['reference_differs ID/-', 'reference_differs ID/-']],
  ['details and references were edited', [
    `update user_details set reference = 'mine'`,
    `update user_references set reference = 'mine'`,
  ], ['details_invalid ID/-']],
  ['metadata were edited', [`update user_details set metadata = '{"iban": "DE1"}'`], [
    'details_invalid ID/-',
  ]],
  ['the moment when a user was made was edited', [
    `update users set created_at = '2020-01-01' where id = ID`,
  ], ['details_invalid ID/-']],
  ['a user was given the details of another', [
    'update user_details set user_id = OTHER',
    'update user_references set user_id = OTHER',
    'update user_keys set user_id = OTHER',
  ], ['details_invalid OTHER/-']],
  ['details are of nobody', [
    `insert into user_details (user_id, metadata, hash)
     values (77, '{}', ledger.details_hash(77, null, null, '{}', null, null))`,
  ], ['details_invalid 77/-']],
]

test.each(CASES)('verify_ledger() finds that %s', async (_, statements, findings) => {
  const { sql } = ledger
  expect(await verifyLedger(sql)).toEqual([])
  const of = (text: string) => text.replaceAll('OTHER', `${other}`).replaceAll('ID', `${id}`)
  await tamper(sql, ...statements.map((text) => text === 'REHASH' ? rehashDetails(id) : of(text)))
  expect(await verifyLedger(sql)).toEqual(findings.map(of).sort())
})

test('verify_user() of a user finds that its reference leads to another one', async () => {
  await ledger.sql`update user_references set user_id = ${other}`
  expect(await verifyUser(ledger.sql, id)).toEqual([`reference_differs ${id}/-`])
})
