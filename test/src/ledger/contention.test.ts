/** Many at once between few users, and users whom a forgotten transaction holds. */
import { expect, test } from 'vitest'
import { type Answer, useHttp } from '../../support/http.ts'
import { createUser } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { shareOf } from '../../support/share.ts'

const http = useHttp()
const TRANSFERS = shareOf(600, 60)
const HOLDS = shareOf(400, 40)
const HELD = shareOf(1000)

const outcomesOf = (answers: Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    const outcome = (body as { code?: string }).code ?? String(status)
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

async function usersWith(count: number, credit: number): Promise<number[]> {
  const rows = await http.sql<{ id: string }[]>`
    with made as (
      select (create_user()).id from generate_series(1, ${count}::integer)
    ), funded as (select m.id, credit_user(m.id, ${credit}::numeric) from made m)
    select id from funded`
  return rows.map(({ id }) => Number(id))
}

const transfer = (from: number, to: number) =>
  http.call('POST', '/transfers', { from, to, amount: '0.01' })

/** While a transaction at psql holds these users. */
async function whileHeld(ids: number[], work: () => Promise<void>): Promise<void> {
  const psql = http.connect()
  await psql`begin`
  await psql`select id from users where id in ${psql(ids)} order by id for no key update`
  try {
    await work()
  } finally {
    await psql`rollback`
  }
}

test(`${TRANSFERS} transfers at once between 6 users are all done`, async () => {
  const ids = await usersWith(6, 100)
  const answers = await Promise.all(Array.from({ length: TRANSFERS }, (_, n) => {
    const from = n % 6
    return transfer(ids[from]!, ids[(from + 1 + Math.floor(n / 6) % 5) % 6]!)
  }))
  expect(outcomesOf(answers)).toEqual({ 201: TRANSFERS })
  const sum = await http.sql`select sum(balance) from users where id in ${http.sql(ids)}`
  expect(sum[0]!['sum']).toBe('600.00')
  expect(await findingsOf(http.sql)).toEqual([])
})

test(`${HOLDS} holds of one user at once are all placed`, async () => {
  const [id] = await usersWith(1, HOLDS)
  const answers = await Promise.all(
    Array.from({ length: HOLDS }, () => http.call('POST', `/users/${id}/holds`, { amount: 1 })),
  )
  expect(outcomesOf(answers)).toEqual({ 201: HOLDS })
})

test(`${HELD} users who are held make only what touches them busy`, async () => {
  const [rich, other] = await usersWith(2, 1000)
  const held = await usersWith(HELD, 1)
  await whileHeld(held, async () => {
    const late = Promise.all(
      held.map((id, n) =>
        n % 2 ? transfer(rich!, id) : http.call('POST', `/users/${id}/debit`, { amount: 1 })
      ),
    )
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([
        transfer(rich!, other!),
        transfer(other!, rich!),
        http.call('POST', `/users/${rich}/debit`, { amount: '0.01' }),
        http.call('POST', `/users/${other}/holds`, { amount: '0.01' }),
      ])
      expect(outcomesOf(answers)).toEqual({ 201: 4 })
    }
    expect(outcomesOf(await late)).toEqual({ busy: HELD })
  })
  expect(await findingsOf(http.sql)).toEqual([])
})

test(`what waits for other users is done once they are free, though ${HELD} are held`, async () => {
  const held = await usersWith(HELD, 1)
  const [a, b] = await usersWith(2, 10)
  await whileHeld(held, async () => {
    const late = held.map((id) => http.call('POST', `/users/${id}/debit`, { amount: 1 }))
    let waiting: Promise<Answer[]> = Promise.resolve([])
    await whileHeld([a!, b!], async () => {
      waiting = Promise.all([
        transfer(a!, b!),
        transfer(b!, a!),
        http.call('POST', `/users/${a}/debit`, { amount: 1 }),
      ])
      // They are found to be held by then.
      await http.call('POST', `/users/${await createUser(http.sql, 1)}/debit`, { amount: 1 })
    })
    expect(outcomesOf(await waiting)).toEqual({ 201: 3 })
    await Promise.all(late)
  })
})

test('transfers to a user whom callers in SQL never let go of are done, too', async () => {
  const [from, to, other] = await usersWith(3, 100)
  const load = { isOver: false }
  const callers = Array.from({ length: 8 }, async () => {
    const sql = http.connect()
    while (!load.isOver) await sql`select credit_user(${to!}::bigint, 0.01)`
  })
  const clients = await Promise.all(Array.from({ length: 8 }, async (_, n) => {
    const answers: Answer[] = []
    for (let time = 0; time < 8; time++) {
      answers.push(await transfer(...[[from!, to!], [to!, other!]][n % 2] as [number, number]))
    }
    return answers
  }))
  load.isOver = true
  await Promise.all(callers)
  expect(outcomesOf(clients.flat())).toEqual({ 201: 64 })
})

test('128 users with 250 pending entries each are done in a few steps', async () => {
  const ids = await usersWith(128, 1)
  await http.sql`
    insert into payment_history (user_id, action, amount)
    select u.id, 'CREDIT', 0.01 from users u, generate_series(1, 250)
     where u.id in ${http.sql(ids)}`
  let left = ids
  for (let round = 0; left.length > 0; round++) {
    expect(round).toBeLessThan(10)
    const answers = await Promise.all(
      left.map((id) => http.call('POST', `/users/${id}/debit`, { amount: 3 })),
    )
    expect(Object.keys(outcomesOf(answers)).filter((code) => !['201', 'busy'].includes(code)))
      .toEqual([])
    left = left.filter((_, n) => answers[n]!.status !== 201)
  }
  expect(await findingsOf(http.sql)).toEqual([])
})
