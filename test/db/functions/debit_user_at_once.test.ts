/** debit_user() beside manual entries and other debits of the same user. */
import { describe, expect, test } from 'vitest'
import {
  blocks,
  codeOf,
  copyOf,
  historyOf,
  one,
  pidOf,
  retrying,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

const ISOLATION = ['read committed', 'repeatable read', 'serializable']

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
