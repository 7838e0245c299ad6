/** Several transfer() at once. */
import { expect, test } from 'vitest'
import {
  codeOf,
  historyOf,
  one,
  pidOf,
  start,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { randomOf, SEED, shareOf } from '../../support/share.ts'

const ledger = useLedger()

test.each([['from', 0], ['to', 1]])(
  'what was committed before both users were free counts for the lower one, which is %s',
  async (_side, at) => {
    const { sql } = ledger
    const [low, high] = [await ledger.user(10), await ledger.user(10)]
    const [from, to] = at === 0 ? [low, high] : [high, low]
    const [holder, waiting] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(waiting)
    await holder`begin`
    await holder`insert into payment_history (user_id, action, amount) values (${low}, 'CREDIT', 5)`
    await holder`select recalculate_balance(${high})`
    const transfer = start(codeOf(waiting`select transfer(${from}, ${to}, 1)`))
    await untilBlocked(sql, pid)
    await holder`commit`
    expect(await transfer).toBe('ok')
    expect((await historyOf(sql, low)).slice(0, 2)).toEqual(['+10.00=10.00', '+5.00=15.00'])
    expect([...await findingsOf(sql, low), ...await findingsOf(sql, high)]).toEqual([])
  },
)

test('two transfers in opposite directions at once never deadlock', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(10), await ledger.user(10)]
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(waiting)
  await holder`begin`
  await holder`select debit_user(${low}, 1)`
  const transfer = start(codeOf(waiting`select transfer(${high}, ${low}, 1)`))
  await untilBlocked(sql, pid)
  // Who waits for the low one doesn't hold the high one yet.
  expect(await codeOf(holder`select transfer(${low}, ${high}, 1)`)).toBe('ok')
  await holder`commit`
  expect(await transfer).toBe('ok')
  expect(await historyOf(sql, low)).toEqual([
    '+10.00=10.00',
    '-1.00=9.00',
    '-1.00=8.00',
    '+1.00=9.00',
  ])
})

test(`transfers move money and never make any: seed ${SEED}`, async () => {
  const { sql } = ledger
  const random = randomOf(SEED)
  const users = await Promise.all(Array.from({ length: 10 }, () => ledger.user(20)))
  const ids = `{${users.join(',')}}`
  const pick = () => Math.floor(random() * users.length)
  const tasks = Array.from({ length: shareOf(640, 100) }, (_, n) => {
    const from = pick()
    const to = (from + 1 + Math.floor(random() * (users.length - 1))) % users.length
    return {
      from: users[from]!,
      to: users[to]!,
      amount: 1 + Math.floor(random() * 15),
      key: `k${n}`,
    }
  })
  const codes: Record<string, number> = {}
  const totals = new Set<string>()
  const state = { done: false }
  const watcher = ledger.connect()
  const watching = (async () => {
    while (!state.done) {
      totals.add(
        (await one(watcher`
        select sum(balance)::text as total from ledger.get_users(${ids}::bigint[])`))['total'],
      )
    }
  })()
  await Promise.all(Array.from({ length: 32 }, async () => {
    const own = ledger.connect()
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      const { from, to, amount, key } = task
      // Some ask twice.
      for (let times = random() < 0.2 ? 2 : 1; times > 0; times--) {
        const code = await codeOf(own`select transfer(${from}, ${to}, ${amount}, ${key})`)
        codes[code] = (codes[code] ?? 0) + 1
      }
    }
  }))
  state.done = true
  await watching
  console.info(`seed ${SEED}: ${JSON.stringify(codes)}`)
  expect([...totals]).toEqual(['200.00'])
  expect(Object.keys(codes).sort()).toEqual(['LGFND', 'ok'])
  for (const id of users) expect(await findingsOf(sql, id)).toEqual([])
  const { below } = await one(sql`
    select count(*)::int as below from payment_history where balance < 0 and user_id = any (${ids}::bigint[])`)
  expect(below).toBe(0)
})
