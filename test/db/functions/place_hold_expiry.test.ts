/** Until when a hold of place_hold() holds. */
import { describe, expect, test } from 'vitest'
import { ageHolds } from '../../support/holds.ts'
import {
  codeOf,
  one,
  pidOf,
  snapshotOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

describe('expiry', () => {
  test('place_hold() counts expires_in from the clock after the lock', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const [holder, caller] = [ledger.connect(), ledger.connect()]
    await holder`begin`
    await holder`select debit_user(${id}, 1)`
    await caller`begin`
    const pid = await pidOf(caller)
    const hold = start(one(caller`select hold, expires_at from place_hold(${id}, 1, 90.5)`))
    await untilBlocked(sql, pid)
    const { at } = await one(sql`select clock_timestamp() as at`)
    await holder`commit`
    const { expires_at } = await hold
    await caller`commit`
    const { after, exact } = await one(sql`
      select ${expires_at}::timestamptz > ${at}::timestamptz + interval '90.5 s' as after,
             c.expires_at = c.at + interval '90.5 s' as exact
        from hold_changes c where c.user_id = ${id}`)
    expect({ after, exact }).toEqual({ after: true, exact: true })
  })

  test('a hold holds until it expires, and from that moment no more', async () => {
    const { sql } = ledger
    const [id, other] = [await ledger.user(100), await ledger.user()]
    await sql`select place_hold(${id}, 60, 3600)`
    await sql`select place_hold(${id}, 30)`
    expect(await codeOf(sql`select debit_user(${id}, 11)`)).toBe('LGFND')
    await ageHolds(sql, id)
    const before = await stateOf(sql, id)
    expect(await snapshotOf(sql, id)).toBe('100.00, 70.00 at 1, version 3')
    expect(await codeOf(sql`select capture_hold(${id}, 1)`)).toBe('LGHLD')
    expect(await codeOf(sql`select release_hold(${id}, 1)`)).toBe('LGHLD')
    expect(await codeOf(sql`select debit_user(${id}, 70.01)`)).toBe('LGFND')
    expect(await stateOf(sql, id)).toEqual(before)
    expect(await one(sql`select available from debit_user(${id}, 20)`))
      .toEqual({ available: '50.00' })
    expect(await sql`select transfer(${id}, ${other}, 20)`).toHaveLength(2)
    expect(await one(sql`select hold, available from place_hold(${id}, 30)`))
      .toEqual({ hold: '3', available: '0.00' })
    expect(await findingsOf(sql, id)).toEqual([])
  })

  test('a hold of a millisecond is over after it', async () => {
    const { sql } = ledger
    const id = await ledger.user(1)
    const hold = await one(sql`select status from place_hold(${id}, 1, 0.001)`)
    expect(hold).toEqual({ status: 'active' })
    // Each call takes some time, and nothing but time does it.
    await expect.poll(() => snapshotOf(sql, id)).toBe('1.00, 1.00 at 1, version 2')
    expect(await codeOf(sql`select debit_user(${id}, 1)`)).toBe('ok')
  })

  test('get_users() says when the first hold expires', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const expiry = async () =>
      (await one(sql`select expires_in_ms from ledger.get_users(array[${id}::bigint])`))[
        'expires_in_ms'
      ]
    expect(await expiry()).toBe(null)
    await sql`select place_hold(${id}, 1)`
    expect(await expiry()).toBe(null)
    await sql`select place_hold(${id}, 1, 100000)`
    await sql`select place_hold(${id}, 1, 90000)`
    expect(Number(await expiry())).toBeGreaterThan(89_000_000)
    expect(Number(await expiry())).toBeLessThanOrEqual(90_000_000)
    const [posted] = await sql`
      select expires_in_ms from ledger.post('{DEBIT}', array[${id}::bigint], '{1}')`
    expect(Number(posted!['expires_in_ms'])).toBeLessThanOrEqual(90_000_000)
    await ageHolds(sql, id)
    expect(Number(await expiry())).toBeLessThanOrEqual(100_000_000 - 86_400_000)
  })

  test('place_hold() goes by the clock, even when the last change was later', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    await sql`select place_hold(${id}, 10, 3600)`
    // As a clock that was two hours fast has left it.
    const { later } = await one(sql`select clock_timestamp() + interval '2 h' as later`)
    await sql`update users set updated_at = ${later} where id = ${id}`
    expect(await codeOf(sql`select place_hold(${id}, 10)`)).toBe('LGFND')
    await sql`select place_hold(${id}, 10, 60) from release_hold(${id}, 1)`
    const { soon } = await one(sql`
      select expires_at < clock_timestamp() + interval '1 h' as soon from ledger.get_hold(${id}, 2)`)
    expect(soon).toBe(true)
  })
})
