/** A list that is repeated under its key: reordered, in part, with items added or changed. */
import { describe, expect, test } from 'vitest'
import { findingsOf } from '../../support/findings.ts'
import { expectNothingWritten, useHttp } from '../../support/http.ts'
import { randomOf, SEED, shareOf } from '../../support/share.ts'

const http = useHttp()

/** What tells an item from others of its user and kind. */
interface Said {
  amount: number
  metadata?: { n: number }
}

interface Result {
  status: number
  body: { code?: string }
  idempotency_key?: string
  replayed?: true
}

/** More than any user has, or is left of any hold or entry. */
const TOO_MUCH = 5000

/** The rest of an item of each kind, for a user with an entry, a hold, and another user. */
const KINDS: Record<string, (id: number, other: number) => object> = {
  debit: (id) => ({ kind: 'debit', user_id: id }),
  credit: (id) => ({ kind: 'credit', user_id: id }),
  hold: (id) => ({ kind: 'hold', user_id: id, expires_in: 600 }),
  transfer: (id, other) => ({ kind: 'transfer', from: id, to: other }),
  capture: (id) => ({ kind: 'capture', user_id: id, hold: 1, final: false }),
  reverse: (id) => ({ kind: 'reverse', user_id: id, seq: 1 }),
}

async function send(items: object[], key = 'run'): Promise<Result[]> {
  const answer = await http.call('POST', '/operations', items, { 'Idempotency-Key': key })
  expect(answer.status, answer.text).toBe(200)
  return (answer.body as { results: Result[] }).results
}

function outcomeOf({ status, body, replayed }: Result): string {
  if (replayed) return 'replayed'
  return status < 400 ? 'done' : body.code === 'idempotency_key_reused' ? 'reused' : 'refused'
}

/** How often each of these is there. */
function counted<T>(values: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** What becomes of each item of a list, by the rule. `before`: what was done under its key. */
function outcomesByRule(list: string[], before: string[]): string[] {
  const missing = [...before]
  const own = list.map((said) => {
    const at = missing.indexOf(said)
    return at !== -1 && missing.splice(at, 1).length > 0
  })
  return list.map((said, n) => {
    if (own[n]) return 'replayed'
    if (missing.pop() !== undefined) return 'reused'
    return (JSON.parse(said) as Said).amount === TOO_MUCH ? 'refused' : 'done'
  })
}

function createLists(seed: number, refused: number) {
  const random = randomOf(seed)
  const below = (n: number) => Math.floor(random() * n)
  const said = (): string => {
    const amount = random() < refused ? TOO_MUCH : 1 + below(3)
    return JSON.stringify({ amount, ...(random() < 0.3 && { metadata: { n: 1 } }) })
  }
  const shuffled = (list: string[]) =>
    list.map((one) => [random(), one] as const).sort(([a], [b]) => a - b).map(([, one]) => one)
  return {
    /** Most of this in another order, with some others. */
    next(of: string[]): string[] {
      const kept = random() < 0.3 ? of : of.filter(() => random() < 0.7)
      const list = shuffled([...kept, ...Array.from({ length: below(4) }, said)])
      return list.length > 0 ? list : [said()]
    },
  }
}

async function furnished(credit: number): Promise<[number, number]> {
  const [id, other] = [await http.user(credit), await http.user()]
  await http.sql`select place_hold(${id}, ${credit / 2})`
  return [id, other]
}

/** Everything that was done with these keys, by what it says. */
async function doneBy(id: number): Promise<string[]> {
  const rows = await http.sql`
    select amount::float8 as amount, metadata->'n' as n from payment_history
     where user_id = ${id} and idempotency_key like 'run#%'
    union all
    select amount::float8, metadata->'n' from hold_changes
     where user_id = ${id} and idempotency_key like 'run#%'`
  return rows.map(({ amount, n }) =>
    JSON.stringify({ amount, ...(n !== null && { metadata: { n: 1 } }) })
  )
}

test.each([
  [[10, 20], [20], ['replayed']],
  [[10, 20], [20, 10], ['replayed', 'replayed']],
  [[10, 20], [10, 20, 30], ['replayed', 'replayed', 'done']],
  [[10, 20], [30, 20, 10], ['done', 'replayed', 'replayed']],
  [[10, 20], [10, 25], ['replayed', 'reused']],
  [[10, 20], [25, 20], ['reused', 'replayed']],
  [[10, 20], [25], ['reused']],
  [[10, 20], [25, 30, 35], ['reused', 'reused', 'done']],
  [[10, 20], [10, 10], ['replayed', 'reused']],
  [[10, 10], [10], ['replayed']],
  [[10], [10, 10], ['replayed', 'done']],
  // What was refused wasn't done, so nothing is missing without it.
  [[TOO_MUCH, 10], [10, 20], ['replayed', 'done']],
  [[TOO_MUCH, TOO_MUCH], [10, 20], ['done', 'done']],
])('debits of %j make of a repeat with %j: %j', async (before, after, expected) => {
  const id = await http.user(100)
  const itemsOf = (amounts: number[]) =>
    amounts.map((amount) => ({ kind: 'debit', user_id: id, amount }))
  await send(itemsOf(before))
  const work = async () => (await send(itemsOf(after))).map(outcomeOf)
  const isDone = expected.includes('done')
  expect(await (isDone ? work() : expectNothingWritten(http, work))).toEqual(expected)
})

test('of changed items of each other kind, none is done', async () => {
  const [id, other] = await furnished(100)
  await http.sql`select place_hold(${id}, 1, 60)`
  const items = [
    { kind: 'extend', user_id: id, hold: 2, expires_in: 90 },
    { kind: 'release', user_id: id, hold: 1 },
    { kind: 'transfer', from: id, to: other, amount: 1 },
  ]
  expect((await send(items)).map(outcomeOf)).toEqual(['done', 'done', 'done'])
  for (const one of [items.toReversed(), items.slice(1), items.slice(0, 1)]) {
    const again = await expectNothingWritten(http, () => send(one))
    expect(again.map(outcomeOf)).toEqual(one.map(() => 'replayed'))
  }
  const changed = items.map((item) => ({ ...item, metadata: { n: 1 } }))
  const refused = await expectNothingWritten(http, () => send(changed))
  expect(refused.map(outcomeOf)).toEqual(['reused', 'reused', 'reused'])
  expect(refused.map(({ idempotency_key }) => idempotency_key))
    .toEqual(['run#extend-2#0', 'run#release-1#0', `run#transfer-${other}#0`])
})

test('keys of others that begin alike are none of a list', async () => {
  const id = await http.user(100)
  for (const key of ['run#1', 'run#0a', 'run#0123456789abcdef0', 'run#hold#0', 'run#']) {
    await http.sql`select debit_user(${id}, 1, ${key}::text)`
  }
  const items = [10, 20, 30].map((amount) => ({ kind: 'debit', user_id: id, amount }))
  await send(items.slice(0, 2))
  expect((await send(items)).map(outcomeOf)).toEqual(['replayed', 'replayed', 'done'])
})

describe.each(Object.entries(KINDS))('a list of %s', (kind, restOf) => {
  const itemsOf = (ids: [number, number], list: string[]) =>
    list.map((said) => ({ ...restOf(...ids), ...JSON.parse(said) as Said }))

  test('is done by the rule, repeated in random ways one after the other', async () => {
    for (let round = 0; round < shareOf(20, 1); round++) {
      const lists = createLists(SEED + round, kind === 'credit' ? 0 : 0.15)
      const ids = await furnished(1000)
      const keys = new Map<string, Set<string>>()
      const done: string[] = []
      let list: string[] = []
      for (let step = 0; step < 6; step++) {
        list = lists.next(step % 2 === 0 ? done : list)
        const results = await send(itemsOf(ids, list))
        const expected = outcomesByRule(list, done)
        const what = `seed ${SEED + round}, step ${step}: ${list.join()} after ${done.join()}`
        // Which of two items that say the same was done before is all the same.
        expect(list.map((said, n) => `${said} ${outcomeOf(results[n]!)}`).sort(), what)
          .toEqual(list.map((said, n) => `${said} ${expected[n]}`).sort())
        list.forEach((said, n) => {
          const { idempotency_key: key } = results[n]!
          expect(key, what).toMatch(/^run#/)
          const known = keys.get(said) ?? new Set()
          const outcome = outcomeOf(results[n]!)
          if (outcome === 'replayed') expect(known, what).toContain(key)
          if (outcome === 'done') keys.set(said, known.add(key!))
        })
        done.push(...list.filter((_, n) => expected[n] === 'done'))
        expect(counted(await doneBy(ids[0])), what).toEqual(counted(done))
      }
    }
    expect(await findingsOf(http.sql)).toEqual([])
  })

  test('is never done twice by repeats at the same time, whatever they leave out or add', async () => {
    for (let round = 0; round < shareOf(20, 1); round++) {
      const lists = createLists(SEED + round, kind === 'credit' ? 0 : 0.15)
      // Not enough for all.
      const ids = await furnished(20)
      const most = new Map<string, number>()
      let list = lists.next([])
      for (let step = 0; step < 3; step++) {
        list = lists.next(list)
        const sent = [list, lists.next(list), lists.next(list), list]
        await Promise.all(sent.map((one) => send(itemsOf(ids, one))))
        for (const one of sent) {
          for (const [said, count] of counted(one)) {
            most.set(said, Math.max(count, most.get(said) ?? 0))
          }
        }
        const done = await doneBy(ids[0])
        const twice = [...counted(done)].filter(([said, count]) => count > (most.get(said) ?? 0))
        expect(twice, `seed ${SEED + round}, step ${step}`).toEqual([])
        if (done.length === 0) continue
        const again = await send(itemsOf(ids, done))
        expect(again.map(outcomeOf), `seed ${SEED + round}`).toEqual(done.map(() => 'replayed'))
      }
    }
    expect(await findingsOf(http.sql)).toEqual([])
  })
})
