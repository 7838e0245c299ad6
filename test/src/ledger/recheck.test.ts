import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRecheck, type Recheck } from '../../../src/ledger/recheck.ts'
import type { VerifiedPage } from '../../../src/ledger/read_functions.ts'

/** Pages of each user, one after the other, as they are now; an Error is thrown. */
let histories: Map<number, (string[] | Error)[]>
let counts: Map<number, number>
/** Users whose first page was read, in order. */
let read: number[]
let rests: number[]
/** Ends the rest that it is in, once it is in one. */
let goOn: () => Promise<void>
let recheck: Recheck
let pageMs: number
/** Called while a page is on its way. */
let meanwhile: () => void

beforeEach(() => {
  histories = new Map()
  counts = new Map()
  read = []
  rests = []
  pageMs = 0
  meanwhile = () => {}
  let time = 0
  let resting: (() => void)[] = []
  goOn = async () => {
    for (const resolve of resting.splice(0)) resolve()
    // Everything that follows without another rest.
    for (let n = 0; n < 20; n++) await Promise.resolve()
  }
  recheck = createRecheck({
    ledger: {
      verifyUserPage(id, after): Promise<VerifiedPage> {
        if (after === 0) read.push(id)
        time += pageMs
        meanwhile()
        const pages = histories.get(id) ?? [[]]
        const page = pages[after]!
        if (page instanceof Error) return Promise.reject(page)
        const findings = page.map((finding) => ({ finding })) as unknown as VerifiedPage['findings']
        const next = after + 1 < pages.length ? after + 1 : null
        return Promise.resolve({ findings, rowsRead: 1, next })
      },
    },
    metrics: { verified: (id, findings) => void counts.set(id, findings) },
    now: () => time,
    rest(ms) {
      rests.push(ms)
      return new Promise((resolve) => resting.push(resolve))
    },
  })
  return () => resting = []
})

afterEach(() => recheck.stop())

async function rounds(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await goOn()
}

test('verified() with no findings begins nothing', async () => {
  recheck.verified(1, 0)
  await rounds(3)
  expect([read, rests]).toEqual([[], []])
})

test('a user with findings is read again until there are none', async () => {
  histories.set(1, [['a', 'b'], ['b', 'c']])
  recheck.verified(1, 2)
  expect(counts).toEqual(new Map([[1, 2]]))
  await rounds(3)
  expect(counts).toEqual(new Map([[1, 3]]))
  histories.set(1, [[], []])
  await rounds(10)
  expect(counts).toEqual(new Map([[1, 0]]))
  const before = read.length
  await rounds(3)
  expect(read).toHaveLength(before)
})

test('users are read in turn, the one that was verified the longest ago first', async () => {
  for (const id of [1, 2, 3]) {
    histories.set(id, [['a']])
    recheck.verified(id, 1)
  }
  recheck.verified(1, 1)
  await rounds(6)
  expect(read).toEqual([2, 3, 1, 2, 3, 1])
})

test('between two pages it rests twenty times as long as one took, and a second at least', async () => {
  histories.set(1, [['a'], ['b']])
  recheck.verified(1, 1)
  await rounds(1)
  pageMs = 300
  await rounds(2)
  expect(rests).toEqual([1000, 1000, 6000, 6000])
})

test('a history that can not be read keeps its findings, and keeps up nobody', async () => {
  histories.set(1, [['a'], new Error('statement timeout')])
  histories.set(2, [[]])
  recheck.verified(1, 7)
  recheck.verified(2, 1)
  await rounds(6)
  expect(counts).toEqual(new Map([[1, 7], [2, 0]]))
})

test('what was verified meanwhile counts, not what was read before', async () => {
  histories.set(1, [[]])
  recheck.verified(1, 1)
  meanwhile = () => recheck.verified(1, 5)
  await rounds(3)
  expect(counts).toEqual(new Map([[1, 5]]))
})

test('stop() ends it', async () => {
  histories.set(1, [['a'], ['a']])
  recheck.verified(1, 1)
  await rounds(1)
  await recheck.stop()
  const before = read.length
  recheck.verified(2, 1)
  await rounds(5)
  expect(read).toHaveLength(before)
})
