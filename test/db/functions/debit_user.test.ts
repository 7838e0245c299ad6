import { describe, expect, test } from 'vitest'
import {
  blocks,
  codeOf,
  copyOf,
  findingsOf,
  historyOf,
  one,
  pidOf,
  retrying,
  sealCredit,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'

const ledger = useLedger()

const ISOLATION = ['read committed', 'repeatable read', 'serializable']

test('debit_user() takes the amount and answers the entry', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const row = await one(sql`select * from debit_user(${id}, 30.5)`)
  expect(row).toEqual({
    user_id: String(id),
    seq: '2',
    action: 'DEBIT',
    amount: '30.50',
    balance: '69.50',
    available: '69.50',
    ts: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
    replayed: false,
  })
  expect(await copyOf(sql, id)).toBe('69.50 at 2')
  expect(await historyOf(sql, id)).toEqual(['+100.00=100.00', '-30.50=69.50'])
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_user() takes its arguments by name', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const row = await one(sql`
    select * from debit_user(
      metadata => '{"order": 7}', idempotency_key => 'k', amount => 1, user_id => ${id})`)
  expect(row).toMatchObject({ user_id: String(id), amount: '1.00' })
  const written = await one(sql`
    select idempotency_key, metadata from payment_history where user_id = ${id} and seq = 2`)
  expect(written).toEqual({ idempotency_key: 'k', metadata: { order: 7 } })
})

test('debit_user() takes all there is', async () => {
  const id = await ledger.user('9999999999.99')
  const row = await one(ledger.sql`select * from debit_user(${id}, 9999999999.99)`)
  expect(row).toMatchObject({ amount: '9999999999.99', balance: '0.00' })
})

test('debit_user() raises LGFND when amount exceeds what is available', async () => {
  const { sql } = ledger
  const id = await ledger.user('99.99')
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select debit_user(${id}, 100)`)).toBe('LGFND')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('debit_user() raises LGFND for a user without history', async () => {
  const id = await ledger.user()
  expect(await codeOf(ledger.sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
  expect(await historyOf(ledger.sql, id)).toEqual([])
})

test.each(['999999', '0', '-1', null])('debit_user() raises LGUSR for user %s', async (id) => {
  expect(await codeOf(ledger.sql`select debit_user(${id}::bigint, 1)`)).toBe('LGUSR')
})

test.each([
  '0',
  '-1',
  '-0.01',
  '0.001',
  '0.005',
  '1.999',
  '9999999999.991',
  '1e10',
  '10000000000',
  '1e300',
  'NaN',
  'Infinity',
  '-Infinity',
  null,
])('debit_user() raises LGAMT for %s', async (amount) => {
  const { sql } = ledger
  const id = await ledger.user(1000)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select debit_user(${id}, ${amount}::numeric)`)).toBe('LGAMT')
  expect(await stateOf(sql, id)).toEqual(before)
})

test.each([['0.01', '0.01'], ['1.000', '1.00'], ['1e2', '100.00']])(
  'debit_user() takes %s as %s',
  async (amount, taken) => {
    const id = await ledger.user(1000)
    const row = await one(ledger.sql`select * from debit_user(${id}, ${amount}::numeric)`)
    expect(row['amount']).toBe(taken)
  },
)

describe('keys', () => {
  test('debit_user() answers a repeat from the entry of the first', async () => {
    const { sql } = ledger
    const id = await ledger.user(100)
    const first = await one(sql`select * from debit_user(${id}, 10, 'a', '{"x": 1}')`)
    await sql`select debit_user(${id}, 5, 'b')`
    await sql`select credit_user(${id}, 7)`
    const before = await stateOf(sql, id)
    const second = await one(sql`select * from debit_user(${id}, 10.00, 'a', '{"x": 1}')`)
    expect(second).toEqual({ ...first, replayed: true })
    expect(await stateOf(sql, id)).toEqual(before)
  })

  test('debit_user() answers a repeat even when nothing is left', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const first = await one(sql`select * from debit_user(${id}, 10, 'a')`)
    expect(await one(sql`select * from debit_user(${id}, 10, 'a')`))
      .toEqual({ ...first, replayed: true })
    expect(await copyOf(sql, id)).toBe('0.00 at 2')
  })

  test('debit_user() raises LGKEY for a key of another amount or action', async () => {
    const { sql } = ledger
    const id = await ledger.user(100)
    await sql`select debit_user(${id}, 10, 'a')`
    await sql`select credit_user(${id}, 10, 'c')`
    const before = await stateOf(sql, id)
    expect(await codeOf(sql`select debit_user(${id}, 11, 'a')`)).toBe('LGKEY')
    expect(await codeOf(sql`select debit_user(${id}, 1000, 'a')`)).toBe('LGKEY')
    expect(await codeOf(sql`select debit_user(${id}, 10, 'c')`)).toBe('LGKEY')
    expect(await stateOf(sql, id)).toEqual(before)
  })

  test.each([null, '{}', '{"x": 2}', '{"x": 1, "y": null}', '{"X": 1}'])(
    'debit_user() raises LGKEY for a key that came with {"x": 1} and comes with %s',
    async (metadata) => {
      const { sql } = ledger
      const id = await ledger.user(100)
      await sql`select debit_user(${id}, 10, 'a', '{"x": 1}')`
      const before = await stateOf(sql, id)
      const again = sql`select debit_user(${id}, 10, 'a', ${metadata}::text::jsonb)`
      expect(await codeOf(again)).toBe('LGKEY')
      expect(await stateOf(sql, id)).toEqual(before)
      await sql`select debit_user(${id}, 10, 'b')`
      expect(await codeOf(sql`select debit_user(${id}, 10, 'b', '{}')`)).toBe('LGKEY')
    },
  )

  test('debit_user() leaves the key of a refusal free', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    expect(await codeOf(sql`select debit_user(${id}, 20, 'a')`)).toBe('LGFND')
    expect(await codeOf(sql`select debit_user(${id}, 0, 'a')`)).toBe('LGAMT')
    await sql`select credit_user(${id}, 10)`
    expect(await one(sql`select * from debit_user(${id}, 15, 'a')`))
      .toMatchObject({ seq: '3', replayed: false })
  })

  test('debit_user() keeps the keys of users apart', async () => {
    const { sql } = ledger
    const [one1, other] = [await ledger.user(10), await ledger.user(20)]
    await sql`select debit_user(${one1}, 1, 'a')`
    expect(await one(sql`select * from debit_user(${other}, 2, 'a')`))
      .toMatchObject({ user_id: String(other), amount: '2.00', replayed: false })
  })

  test('debit_user() tells keys apart by case, and takes none as none', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    for (const key of ['a', 'A', null, null]) {
      expect(await one(sql`select * from debit_user(${id}, 1, ${key}::text)`))
        .toMatchObject({ replayed: false })
    }
    expect(await copyOf(sql, id)).toBe('6.00 at 5')
  })

  test('debit_user() debits once for the same key at once', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const [first, second] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(second)
    await first`begin`
    const debited = await one(first`select * from debit_user(${id}, 10, 'a')`)
    const repeated = start(one(second`select * from debit_user(${id}, 10, 'a')`))
    await untilBlocked(sql, pid)
    await first`commit`
    expect(await repeated).toEqual({ ...debited, replayed: true })
    expect(await copyOf(sql, id)).toBe('0.00 at 2')
  })

  test.each(['', 'a b', 'ä', 'a\n', '\t', 'x'.repeat(256)])(
    'debit_user() raises 22023 for the key %j',
    async (key) => {
      const { sql } = ledger
      const id = await ledger.user(10)
      const before = await stateOf(sql, id)
      expect(await codeOf(sql`select debit_user(${id}, 1, ${key})`)).toBe('22023')
      expect(await stateOf(sql, id)).toEqual(before)
    },
  )

  test.each(['!', '~', 'x'.repeat(255), `a"b\\c'd{,}`])('debit_user() takes %j', async (key) => {
    const id = await ledger.user(10)
    await ledger.sql`select debit_user(${id}, 1, ${key})`
    expect(await one(ledger.sql`select * from debit_user(${id}, 1, ${key})`))
      .toMatchObject({ seq: '2', replayed: true })
  })
})

describe('metadata', () => {
  test.each(['1', '"x"', '[]', 'null', 'true', JSON.stringify({ x: 'x'.repeat(8192) })])(
    'debit_user() raises 22023 for %.20s',
    async (metadata) => {
      const { sql } = ledger
      const id = await ledger.user(10)
      const before = await stateOf(sql, id)
      const call = sql`select debit_user(${id}, 1, null, ${metadata}::text::jsonb)`
      expect(await codeOf(call)).toBe('22023')
      expect(await stateOf(sql, id)).toEqual(before)
    },
  )

  test('debit_user() keeps an object of at most 8192 bytes', async () => {
    const id = await ledger.user(10)
    const metadata = JSON.stringify({ x: 'x'.repeat(8192 - '{"x": ""}'.length) })
    await ledger.sql`select debit_user(${id}, 1, null, ${metadata}::text::jsonb)`
    const row = await one(ledger.sql`
      select metadata from payment_history where user_id = ${id} and seq = 2`)
    expect(row['metadata']).toEqual(JSON.parse(metadata))
  })
})

describe('manual entries', () => {
  test('debit_user() counts them first', async () => {
    const { sql } = ledger
    const id = await ledger.user()
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 100)`
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 30)`
    expect(await one(sql`select * from debit_user(${id}, 70)`))
      .toMatchObject({ seq: '3', balance: '0.00' })
    expect(await historyOf(sql, id)).toEqual(['+100.00=100.00', '-30.00=70.00', '-70.00=0.00'])
  })

  test('debit_user() raises LGFND after a DEBIT below zero, and leaves it pending', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 30)`
    const before = await stateOf(sql, id)
    expect(await codeOf(sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
    expect(await stateOf(sql, id)).toEqual(before)
    await sql`select recalculate_balance(${id})`
    expect(await copyOf(sql, id)).toBe('-20.00 at 2')
    expect(await codeOf(sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 21)`
    expect(await one(sql`select * from debit_user(${id}, 1)`)).toMatchObject({ balance: '0.00' })
  })

  test('debit_user() counts those of its own transaction, and rolls back with it', async () => {
    const id = await ledger.user()
    const before = await stateOf(ledger.sql, id)
    const caller = ledger.connect()
    await caller`begin`
    await caller`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    expect(await one(caller`select * from debit_user(${id}, 5)`))
      .toMatchObject({ seq: '2', balance: '0.00' })
    await caller`rollback`
    expect(await stateOf(ledger.sql, id)).toEqual(before)
  })

  test('debit_user() can fail inside a savepoint and leave the rest of the transaction', async () => {
    const id = await ledger.user(10)
    const caller = ledger.connect()
    await caller`begin`
    await caller`select debit_user(${id}, 4, 'a')`
    await caller`savepoint s`
    expect(await codeOf(caller`select debit_user(${id}, 7)`)).toBe('LGFND')
    await caller`rollback to s`
    await caller`select debit_user(${id}, 6, 'b')`
    await caller`commit`
    expect(await historyOf(ledger.sql, id)).toEqual(['+10.00=10.00', '-4.00=6.00', '-6.00=0.00'])
  })

  test.each(ISOLATION)(
    'debit_user() counts one that commits late with a low id, under %s',
    async (level) => {
      const { sql } = ledger
      const id = await ledger.user()
      const [late, debiting] = [ledger.connect(), ledger.connect()]
      await late`begin`
      await late`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 7)`
      await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 2)`
      const debit = (amount: number) =>
        retrying(async () => {
          await debiting.unsafe(`begin isolation level ${level}`)
          try {
            await debiting`select debit_user(${id}, ${amount})`
            await debiting`commit`
          } catch (error) {
            await debiting`rollback`
            throw error
          }
        })
      await debit(1)
      expect(await codeOf(debit(8))).toBe('LGFND')
      await late`commit`
      await debit(8)
      expect(await historyOf(sql, id))
        .toEqual(['+2.00=2.00', '-1.00=1.00', '+7.00=8.00', '-8.00=0.00'])
      // The ids of posted entries are in the order in which they were posted.
      const ids = await sql`select id from payment_history where user_id = ${id} order by seq`
      expect(ids.map((row) => Number(row['id'])))
        .toEqual(ids.map((row) => Number(row['id'])).sort((a, b) => a - b))
      expect(await findingsOf(sql)).toEqual([])
    },
  )

  test('debit_user() waits for no open insert, and no insert for an open debit', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const [inserting, debiting] = [ledger.connect(), ledger.connect()]
    const [insertingPid, debitingPid] = [await pidOf(inserting), await pidOf(debiting)]
    await inserting`begin`
    await inserting`insert into payment_history (user_id, action, amount)
      values (${id}, 'CREDIT', 1)`
    await debiting`begin`
    const debit = start(debiting`select debit_user(${id}, 1)`)
    expect(await blocks(sql, debitingPid, debit)).toBe(false)
    const insert = start(inserting`insert into payment_history (user_id, action, amount)
      values (${id}, 'CREDIT', 1)`)
    expect(await blocks(sql, insertingPid, insert)).toBe(false)
    await debiting`commit`
    await inserting`commit`
    expect((await historyOf(sql, id)).slice(-2)).toEqual(['+1.00', '+1.00'])
  })

  test('two that insert manual entries and debit in a transaction never deadlock', async () => {
    const { sql } = ledger
    const id = await ledger.user()
    const [first, second] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(second)
    for (const caller of [first, second]) {
      await caller`begin`
      await caller`insert into payment_history (user_id, action, amount)
        values (${id}, 'CREDIT', 5)`
    }
    await first`select debit_user(${id}, 5)`
    const debit = start(one(second`select * from debit_user(${id}, 5)`))
    await untilBlocked(sql, pid)
    await first`commit`
    expect(await debit).toMatchObject({ seq: '4', balance: '0.00' })
    await second`commit`
    expect(await findingsOf(sql)).toEqual([])
  })
})

describe('two at once', () => {
  test.each(ISOLATION)(
    'debit_user() never lets two pass that aren’t covered, under %s',
    async (level) => {
      const { sql } = ledger
      const id = await ledger.user(100)
      const [first, second] = [ledger.connect(), ledger.connect()]
      const pid = await pidOf(second)
      await first.unsafe(`begin isolation level ${level}`)
      await second.unsafe(`begin isolation level ${level}`)
      // Both have their snapshot of the time when 100 was there.
      for (const caller of [first, second]) await caller`select balance from users where id = ${id}`
      await first`select debit_user(${id}, 100)`
      const debit = start(codeOf(second`select debit_user(${id}, 100)`))
      await untilBlocked(sql, pid)
      await first`commit`
      expect(await debit).toBe(level === 'read committed' ? 'LGFND' : '40001')
      await second`rollback`
      expect(await codeOf(second`select debit_user(${id}, 100)`)).toBe('LGFND')
      expect(await historyOf(sql, id)).toEqual(['+100.00=100.00', '-100.00=0.00'])
    },
  )

  test.each(ISOLATION.slice(1))(
    'debit_user() under %s raises 40001 after a debit that its snapshot has not seen',
    async (level) => {
      const { sql } = ledger
      const id = await ledger.user(100)
      const caller = ledger.connect()
      await caller.unsafe(`begin isolation level ${level}`)
      await caller`select balance from users where id = ${id}`
      await sql`select debit_user(${id}, 60)`
      expect(await codeOf(caller`select debit_user(${id}, 60)`)).toBe('40001')
      await caller`rollback`
      expect(await copyOf(sql, id)).toBe('40.00 at 2')
    },
  )

  test('debit_user() raises 55P03 after lock_timeout, and waits until then', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const [holder, waiting] = [ledger.connect(), ledger.connect()]
    await holder`begin`
    await holder`select debit_user(${id}, 1)`
    await waiting`set lock_timeout = '50ms'`
    expect(await codeOf(waiting`select debit_user(${id}, 1)`)).toBe('55P03')
    await holder`commit`
    expect(await codeOf(waiting`select debit_user(${id}, 1)`)).toBe('ok')
    expect(await copyOf(sql, id)).toBe('8.00 at 3')
  })
})

test('debit_user() decides by the history, whatever users.balance says', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`update users set balance = 1000, seq = 77 where id = ${id}`
  expect(await codeOf(sql`select debit_user(${id}, 11)`)).toBe('LGFND')
  await sql`update users set balance = 0, seq = 0 where id = ${id}`
  expect(await one(sql`select * from debit_user(${id}, 4)`))
    .toMatchObject({ seq: '2', balance: '6.00' })
  expect(await copyOf(sql, id)).toBe('6.00 at 2')
})

test.each([
  ['seq = 9223372036854775807'],
  ['balance = 999999999999999999.99'],
  [`balance = 'NaN'`],
  ['balance = 10.005'],
])('debit_user() and credit_user() put the copies right where they say %s', async (copy) => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql.unsafe(`update users set ${copy} where id = ${id}`)
  expect(await one(sql`select * from debit_user(${id}, 4)`))
    .toMatchObject({ seq: '2', balance: '6.00' })
  expect(await copyOf(sql, id)).toBe('6.00 at 2')
  await sql.unsafe(`update users set ${copy} where id = ${id}`)
  expect(await one(sql`select * from credit_user(${id}, 1, 'again', '{"m": 1}')`))
    .toMatchObject({ seq: '3', balance: '7.00' })
  expect(await copyOf(sql, id)).toBe('7.00 at 3')
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_user() changes nothing for a repeat, the moment of the user included', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const first = await one(sql`select * from debit_user(${id}, 4, 'once')`)
  const before = await sql`select * from users where id = ${id}`
  expect(await one(sql`select * from debit_user(${id}, 4, 'once')`))
    .toEqual({ ...first, replayed: true })
  expect([...await sql`select * from users where id = ${id}`]).toEqual([...before])
})

test('debit_user() never goes back in time, even when the clock does', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  // As a clock that was an hour fast has left it.
  await sealCredit(sql, id, { amount: '10', later: '1 h' })
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  await sql`select debit_user(${id}, 1), debit_user(${id}, 1)`
  const rows = await sql`
    select sealed_at - first_value(sealed_at) over (order by seq) as after,
           ts = sealed_at as stamped
      from payment_history where user_id = ${id} order by seq`
  expect(rows.map(({ after }) => after))
    .toEqual(['00:00:00', '00:00:00.000001', '00:00:00.000002', '00:00:00.000003'])
  expect(rows.map(({ stamped }) => stamped)).toEqual([true, false, true, true])
})

test('debit_user() takes the time after the lock, not the start of its transaction', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [early, late] = [ledger.connect(), ledger.connect()]
  await early`begin`
  await early`select now()`
  await late`select debit_user(${id}, 1)`
  await early`select debit_user(${id}, 1)`
  await early`commit`
  const rows = await sql`
    select seq from payment_history where user_id = ${id} order by ts, seq`
  expect(rows.map(({ seq }) => seq)).toEqual(['1', '2', '3'])
  expect(await findingsOf(sql)).toEqual([])
})
