import { expect, test } from 'vitest'
import { expectProblem, invalid } from '../../support/problems.ts'
import { useHttp } from '../../support/http.ts'

const http = useHttp()
const call: typeof http.call = (...request) => http.call(...request)
const user: typeof http.user = (...credit) => http.user(...credit)

const balances = (query: string) => call('GET', `/balances?${query}`)
const IDS = 'must be 1 to 100 different users, such as 1,2,3'

test('answers several users as of one moment, in the order asked for', async () => {
  const [a, b] = [await user('10'), await user()]
  await call('POST', '/transfers', { from: a, to: b, amount: 4 })
  const now = await balances(`ids=${b},${a}`)
  expect(now).toMatchObject({
    status: 200,
    body: {
      balances: [{ id: b, balance: '4.00', seq: 1 }, { id: a, balance: '6.00', seq: 2 }],
    },
  })
  await call('POST', '/transfers', { from: b, to: a, amount: 1 })
  const { at } = JSON.parse(now.text) as { at: string }
  expect((await balances(`ids=${b},${a}&at=${at}`)).text).toBe(now.text)
  expect(await balances(`ids=${a}&at=2000-01-01T00:00:00Z`))
    .toMatchObject({ body: { balances: [{ id: a, balance: '0.00', seq: 0 }] } })
})

test('the total of a bank is the same at every moment while it pays among itself', async () => {
  const bank = await Promise.all(Array.from({ length: 4 }, () => user('100')))
  const asked: { at: string; text: string }[] = []
  const paid = { isOver: false }
  const paying = Promise.all(bank.map(async (from, n) => {
    for (let time = 0; time < 25; time++) {
      await call('POST', '/transfers', { from, to: bank[(n + 1 + time % 3) % 4], amount: 1 })
    }
  })).then(() => paid.isOver = true)
  while (!paid.isOver) {
    const { text } = await balances(`ids=${bank.join()}`)
    const { at, balances: all } = JSON.parse(text) as {
      at: string
      balances: { balance: string }[]
    }
    expect(all.reduce((sum, { balance }) => sum + Number(balance), 0), at).toBe(400)
    asked.push({ at, text })
  }
  await paying
  expect(asked.length).toBeGreaterThan(3)
  // The same for ever.
  for (const { at, text } of asked) {
    expect((await balances(`ids=${bank.join()}&at=${at}`)).text).toBe(text)
  }
})

test('a moment that is not final yet is busy, and says of no other user that it is', async () => {
  const [held, other] = [await user('10'), await user('10')]
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  try {
    expectProblem(await balances(`ids=${held}`), 'busy')
    expect(await balances(`ids=${other}`)).toMatchObject({ status: 200 })
  } finally {
    await psql`rollback`
  }
})

test.each([
  ['', 'ids', IDS],
  ['ids=', 'ids', IDS],
  ['ids=0', 'ids', IDS],
  ['ids=1,1', 'ids', IDS],
  ['ids=1,', 'ids', IDS],
  ['ids=x', 'ids', IDS],
  [`ids=${Array.from({ length: 101 }, (_, n) => n + 1).join()}`, 'ids', IDS],
  ['ids=1&at=2999-01-01T00:00:00Z', 'at', 'must not be in the future'],
])('%s is refused', async (query, path, message) => {
  expectProblem(await balances(query), 'invalid_request', invalid(path, message))
})

test('one who is not there makes it unknown_user', async () => {
  expectProblem(await balances(`ids=${await user()},4711`), 'unknown_user')
})
