import { expect, test } from 'vitest'
import { blocks, codeOf, one, pidOf, start, untilBlocked, useLedger } from '../../ledger.ts'

const ledger = useLedger()

const ids = (...ids: number[]) => `{${ids.join(',')}}`

test('lock_users() locks in id order, so that opposite orders don’t deadlock', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(), await ledger.user()]
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(waiting)
  await holder`begin`
  await holder`select lock_users(${ids(low)}, true)`
  await waiting`begin`
  const locked = start(one(waiting`select lock_users(${ids(high, low)}, true)::text as ids`))
  await untilBlocked(sql, pid)
  // Whoever waits for the low one doesn't hold the high one yet.
  await holder`set lock_timeout = '2s'`
  expect(await codeOf(holder`select lock_users(${ids(high)}, true)`)).toBe('ok')
  await holder`commit`
  expect(await locked).toEqual({ ids: ids(low, high) })
  await waiting`commit`
})

test('lock_users() without wait leaves out those that somebody else holds', async () => {
  const { sql } = ledger
  const [a, held, c] = [await ledger.user(), await ledger.user(), await ledger.user()]
  const [holder, caller] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(caller)
  await holder`begin`
  await holder`select lock_users(${ids(held)}, true)`
  const locked = start(one(caller`
    select lock_users(${ids(c, held, a, a, 999_999)}, false)::text as ids`))
  expect(await blocks(sql, pid, locked)).toBe(false)
  expect(await locked).toEqual({ ids: ids(a, c) })
  await holder`rollback`
})

test('lock_users() answers nobody for nobody', async () => {
  const { sql } = ledger
  for (const wait of [true, false]) {
    expect(await one(sql`select lock_users('{}', ${wait})::text as ids`)).toEqual({ ids: '{}' })
    expect(await one(sql`select lock_users('{999999}', ${wait})::text as ids`))
      .toEqual({ ids: '{}' })
  }
})
