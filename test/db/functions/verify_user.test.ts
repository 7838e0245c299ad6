/** verify_user() on histories in which somebody changed something of one user. */
import { expect, test } from 'vitest'
import { codeOf, useLedger } from '../../support/ledger.ts'
import { rehash, tamper, verifyLedger, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

/** A user with five entries, of 10.00 each, whose third has a key and metadata. */
async function fiveEntries(): Promise<number> {
  const id = await ledger.user()
  for (let n = 1; n <= 5; n++) {
    await ledger.sql`select credit_user(${id}::bigint, 10, ${n === 3 ? 'key' : null}::text,
      ${n === 3 ? '{"note": "ü"}' : null}::text::jsonb)`
  }
  return id
}

const HISTORY = 'payment_history where user_id = ID and'

/** What is done to a user with five entries, and every finding that must come of it. */
const TAMPERINGS: Record<string, [string[], string[]]> = {
  'an edited amount': [
    ['update payment_history set amount = 11 where user_id = ID and seq = 3'],
    ['balance_wrong 3', 'hash_differs 3'],
  ],
  'an amount edited together with every balance': [
    [
      'update payment_history set amount = 11 where user_id = ID and seq = 3',
      'update payment_history set balance = balance + 1 where user_id = ID and seq >= 3',
      'update users set balance = balance + 1 where id = ID',
    ],
    ['hash_differs 3', 'hash_differs 4', 'hash_differs 5'],
  ],
  'an edited action': [
    [`update payment_history set action = 'DEBIT' where user_id = ID and seq = 3`],
    ['balance_wrong 3', 'hash_differs 3'],
  ],
  'an edited time': [
    [`update payment_history set ts = '2020-01-01' where user_id = ID and seq = 3`],
    ['hash_differs 3'],
  ],
  'an edited key': [
    [`update payment_history set idempotency_key = 'KEY' where user_id = ID and seq = 3`],
    ['hash_differs 3'],
  ],
  'a removed key': [
    ['update payment_history set idempotency_key = null where user_id = ID and seq = 3'],
    ['hash_differs 3'],
  ],
  'edited metadata': [
    [`update payment_history set metadata = '{"note": "u"}' where user_id = ID and seq = 3`],
    ['hash_differs 3'],
  ],
  'an edited held': [
    ['update payment_history set held = 1 where user_id = ID and seq = 3'],
    ['hash_differs 3'],
  ],
  'an edited hash': [
    [`update payment_history set hash = sha256('') where user_id = ID and seq = 3`],
    ['hash_differs 3', 'hash_differs 4'],
  ],
  'a removed hash': [
    [
      'update payment_history set hash = null where user_id = ID and seq = 5',
    ],
    ['hash_differs 5'],
  ],
  'an edit whose hash was computed anew': [
    [
      `update payment_history set metadata = null where user_id = ID and seq = 3`,
      rehash('ID', 3),
    ],
    ['hash_differs 4'],
  ],
  'two entries that changed places': [
    [
      'update payment_history set seq = seq + 1000 where user_id = ID and seq in (3, 4)',
      'update payment_history set seq = 1007 - seq where user_id = ID and seq > 1000',
    ],
    ['balance_wrong 3', 'balance_wrong 4', 'balance_wrong 5', 'hash_differs 5', 'order_changed 3']
      .concat('order_changed 4', 'sealed_at_goes_back 4'),
  ],
  'a missing entry': [
    [`delete from ${HISTORY} seq = 3`],
    ['balance_wrong 4', 'gap 4', 'hash_differs 4'],
  ],
  'a missing first entry': [
    [`delete from ${HISTORY} seq = 1`],
    ['balance_wrong 2', 'gap 2', 'hash_differs 2'],
  ],
  'a missing tail': [[`delete from ${HISTORY} seq >= 4`], ['tail_missing 5']],
  'a history that is gone': [[`delete from ${HISTORY} true`], ['tail_missing 5']],
  'a deleted user': [['delete from users where id = ID'], ['user_missing -']],
  'a copied row': [
    [
      `insert into payment_history (user_id, seq, action, amount, ts, balance, sealed_at, held, hash)
         select user_id, 6, action, amount, ts, balance, sealed_at, held, hash
           from ${HISTORY} seq = 5`,
      'update users set seq = 6 where id = ID',
    ],
    ['balance_wrong 6', 'row_copied 6', 'sealed_at_goes_back 6'],
  ],
  'a wrong running balance': [
    ['update payment_history set balance = 31 where user_id = ID and seq = 3'],
    ['balance_wrong 3', 'balance_wrong 4', 'hash_differs 3'],
  ],
  'a balance that is added up wrongly under right hashes': [
    [
      'update payment_history set balance = 51 where user_id = ID and seq = 5',
      rehash('ID', 5),
      'update users set balance = 51 where id = ID',
    ],
    ['balance_wrong 5'],
  ],
  'a sealed_at that goes back': [
    [`update payment_history set sealed_at = '2020-01-01' where user_id = ID and seq = 3`],
    ['hash_differs 3', 'sealed_at_goes_back 3'],
  ],
  'a sealed_at that goes back under right hashes': [
    [
      `update payment_history set sealed_at = '2020-01-01' where user_id = ID and seq = 5`,
      rehash('ID', 5),
    ],
    ['manual_entry_invalid 5', 'sealed_at_goes_back 5'],
  ],
  'a sealed_at that is that of the entry before under right hashes': [
    [
      // In two steps, which Citus can plan.
      `do $$ declare
         v_at timestamptz := (select sealed_at from payment_history where user_id = ID and seq = 4);
       begin
         update payment_history set sealed_at = v_at where user_id = ID and seq = 5;
       end $$`,
      rehash('ID', 5),
    ],
    ['manual_entry_invalid 5', 'sealed_at_goes_back 5'],
  ],
  'an amount that is none under right hashes': [
    [
      'update payment_history set amount = 10.001, balance = 50.00 where user_id = ID and seq = 5',
      rehash('ID', 5),
    ],
    ['balance_wrong 5', 'entry_invalid 5'],
  ],
  'a gap under right hashes': [
    [
      `delete from ${HISTORY} seq = 4`,
      'update payment_history set balance = 40 where user_id = ID and seq = 5',
      rehash('ID', 5, 3),
      'update users set balance = 40 where id = ID',
    ],
    ['gap 5'],
  ],
  'another balance in users': [['update users set balance = 51 where id = ID'], ['copy_differs 5']],
  'a lower seq in users': [['update users set seq = 4 where id = ID'], ['copy_differs 5']],
  'a pending row of two days ago': [
    [
      `insert into payment_history (user_id, action, amount, ts)
         values (ID, 'CREDIT', 1, now() - interval '2 days')`,
    ],
    ['manual_entry_invalid -', 'pending_too_long -'],
  ],
}

test.each(Object.entries(TAMPERINGS))('verify_user() finds %s', async (_, [statements, found]) => {
  const id = await fiveEntries()
  expect(await verifyUser(ledger.sql, id)).toEqual([])
  await tamper(ledger.sql, ...statements.map((statement) => statement.replaceAll('ID', `${id}`)))
  const expected = found.map((finding) => finding.replace(' ', ` ${id}/`)).sort()
  expect(await verifyUser(ledger.sql, id)).toEqual(expected)
  // The ledger as a whole has those findings, too, and who is above in this file has others.
  expect((await verifyLedger(ledger.sql)).filter((finding) => finding.includes(` ${id}/`)))
    .toEqual(expected)
})

test('verify_user() takes entries of version 1 for sound, also two of the same moment', async () => {
  const { sql } = ledger
  const id = await fiveEntries()
  await tamper(
    sql,
    `do $$ declare
       v_at timestamptz := (select h.sealed_at from payment_history h
                             where h.user_id = ${id} and h.seq = 2);
     begin
       update payment_history set sealed_at = v_at, ts = v_at where user_id = ${id} and seq = 3;
     end $$`,
    ...[1, 2, 3, 4].map((seq) => rehash(id, seq, seq - 1, id, '_1')),
    rehash(id, 5),
  )
  expect(await verifyUser(sql, id)).toEqual([])
  await sql`select debit_user(${id}, 1)`
  expect(await verifyUser(sql, id)).toEqual([])
  // An edit of one is found as well.
  await tamper(sql, `update payment_history set ts = now() where user_id = ${id} and seq = 4`)
  expect(await verifyUser(sql, id)).toEqual([`hash_differs ${id}/4`])
})

test('verify_user() raises LGUSR for who is neither there nor has entries', async () => {
  expect(await codeOf(ledger.sql`select verify_user(999999)`)).toBe('LGUSR')
})

test('verify_user() is for ledger_dba, its pages for the service, too; both wait for nobody', async () => {
  const id = await ledger.user(1)
  const holder = ledger.connect()
  await holder`begin`
  await holder`select credit_user(${id}::bigint, 1)`
  const [dba, service] = [ledger.connect('ledger_dba'), ledger.connect('ledger_service')]
  for (const sql of [dba, service]) await sql`set lock_timeout = '100ms'`
  expect(await verifyUser(dba, id)).toEqual([])
  expect(await codeOf(service`select verify_user(${id}::bigint)`)).toBe('42501')
  expect(await service`select * from ledger.verify_user_page(${id}::bigint)`).toMatchObject([
    { rows_read: '1', next_seq: null },
  ])
  await holder`rollback`
})
