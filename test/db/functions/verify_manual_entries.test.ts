import { beforeEach, describe, expect, test } from 'vitest'
import { one, pidOf, start, untilBlocked, useLedger } from '../../support/ledger.ts'
import { rehash, tamper, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

let id: number
beforeEach(async () => {
  id = await ledger.user(100)
  await ledger.sql`
    insert into payment_history (user_id, action, amount, metadata)
      values (${id}, 'CREDIT', 5, '{"rate": 1.10}')`
})

const PENDING = 'user_id = ID and seq is null'

/** All of them leave a ledger in which everything else adds up. */
const OF_PENDING: Record<string, string[]> = {
  'an edited amount': [`update payment_history set amount = 6 where ${PENDING}`],
  'an edited action': [`update payment_history set action = 'DEBIT' where ${PENDING}`],
  'an edited time': [`update payment_history set ts = now() - interval '1 h' where ${PENDING}`],
  'edited metadata': [`update payment_history set metadata = '{"rate": 1.1}' where ${PENDING}`],
  'a key': [`update payment_history set idempotency_key = 'k' where ${PENDING}`],
  'another id': [`update payment_history set id = 1000000 + id where ${PENDING}`],
  'a removed entry': [`delete from payment_history where ${PENDING}`],
  'a moved entry': [`update payment_history set user_id = 1 where ${PENDING}`],
  'an entry that nobody entered': [`delete from manual_entries where user_id = ID`],
  'an entry of somebody else': [`update manual_entries set entered_by = 'x' where user_id = ID`],
  'an entry of another time': [`update manual_entries set entered_at = now() where user_id = ID`],
  'an entry that is said to be posted': [`update manual_entries set seq = 1 where user_id = ID`],
}

test.each(Object.entries(OF_PENDING))(
  'manual_entry_invalid finds %s, pending and posted since',
  async (_, statements) => {
    const { sql } = ledger
    expect(await verifyUser(sql, id)).toEqual([])
    await tamper(sql, ...statements.map((text) => text.replaceAll('ID', `${id}`)))
    const found = () => verifyUser(sql, id)
    expect(await found()).toContainEqual(expect.stringMatching(`^manual_entry_invalid ${id}/`))
    await sql`select recalculate_balance(${id})`
    expect(await found()).toContainEqual(expect.stringMatching(`^manual_entry_invalid ${id}/`))
  },
)

describe('of a posted manual entry manual_entry_invalid finds', () => {
  beforeEach(() => ledger.sql`select recalculate_balance(${id})`.then(() => {}))

  test.each<[string, string[]]>([
    ['what was rewritten with its hash', [
      `update payment_history set metadata = null where user_id = ID and seq = 2`,
      'REHASH',
    ]],
    ['that nobody entered it', [`delete from manual_entries where user_id = ID`]],
    ['that it was never posted', [`update manual_entries set seq = null where user_id = ID`]],
  ])('%s', async (_, statements) => {
    const { sql } = ledger
    expect(await verifyUser(sql, id)).toEqual([])
    await tamper(
      sql,
      ...statements.map((text) =>
        text === 'REHASH' ? rehash(id, 2) : text.replaceAll('ID', `${id}`)
      ),
    )
    expect(await verifyUser(sql, id))
      .toContainEqual(expect.stringMatching(`^manual_entry_invalid ${id}/`))
  })
})

test('manual_entries has who had logged in and when, whoever they act as', async () => {
  const sql = ledger.connect('ledger_dba')
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 1)`
  const rows = await ledger.sql`
    select m.entered_by, m.seq, m.entered_at > h.ts as is_later, m.hash =
             ledger.manual_entry_hash(h, m.id, m.entered_at, m.entered_by) as is_right
      from manual_entries m join payment_history h using (user_id, id)
     where m.user_id = ${id} order by m.id`
  const of = { entered_by: 'postgres', seq: null, is_later: true, is_right: true }
  expect([...rows]).toEqual([of, of])
  await ledger.sql`select recalculate_balance(${id})`
  const posted = await ledger.sql`
    select m.seq, h.amount from manual_entries m join payment_history h using (user_id, seq)
     where m.user_id = ${id} order by m.seq`
  expect([...posted]).toEqual([{ seq: '2', amount: '5.00' }, { seq: '3', amount: '1.00' }])
})

test('what ON CONFLICT leaves out was not entered', async () => {
  const { sql } = ledger
  await sql`
    insert into payment_history (id, user_id, action, amount)
      select h.id, h.user_id, 'CREDIT', 7 from payment_history h
       where h.user_id = ${id} and h.seq is null on conflict do nothing`
  const { count } = await one(sql`select count(*) from manual_entries where user_id = ${id}`)
  expect(count).toBe('1')
  expect(await verifyUser(sql, id)).toEqual([])
})

test('what ON CONFLICT leaves out for a key that another transaction used was not entered', async () => {
  const insert = (sql: typeof ledger.sql) =>
    sql`insert into payment_history (user_id, action, amount, idempotency_key)
          values (${id}, 'CREDIT', 7, 'once') on conflict do nothing`
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  await first`begin`
  await insert(first)
  const inserted = start(insert(second))
  await untilBlocked(ledger.sql, pid)
  await first`commit`
  expect((await inserted).count).toBe(0)
  const { count } = await one(ledger.sql`select count(*) from manual_entries where user_id = ${id}`)
  expect(count).toBe('2')
  expect(await verifyUser(ledger.sql, id)).toEqual([])
})

test.each([
  'delete from manual_entries',
  'update manual_entries set entered_by = $$x$$',
  'truncate manual_entries',
])(
  'LGIMM for %s, whatever the session_replication_role',
  async (statement) => {
    const sql = ledger.connect()
    await sql`set session_replication_role = replica`
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: 'LGIMM' })
  },
)
