import { expect, onTestFinished, test, vi } from 'vitest'
import { startChangePoller } from '../../../src/cache/change_poller.ts'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

function start(
  { url = ledger.url, now, mustPause = () => false }: {
    url?: string
    now?: () => number
    mustPause?: () => boolean
  } = {},
) {
  const told: string[] = []
  const poller = startChangePoller({ url, ...(now && { now }) }, {
    identified: (history) => told.push(`identified ${history}`),
    changed: (id, version) => told.push(`changed ${id}:${version}`),
    heard: ({ isPaused }) => told.push(isPaused ? 'heard of a pause' : 'heard'),
    settled: () => {},
    mustPause,
    lost: () => told.push('lost'),
    failed: () => told.push('failed'),
  })
  return {
    told,
    /** Settles when this was told, after whatever has been told already. */
    next: async (what: string) => {
      const from = told.length
      await vi.waitUntil(() => told.slice(from).some((line) => line.startsWith(what)), 5000)
    },
    stop: () => poller.stop(),
  }
}

/** Which history the poller knew last. */
const historyOf = (told: string[]) =>
  told.findLast((line) => line.startsWith('identified'))!.split(' ')[1]!

test('it says whose history it is, then that changes are heard of, and which there are', async () => {
  const { told, next, stop } = start()
  await next('heard')
  const { id } = await one(ledger.sql<{ id: string }[]>`select ledger.ledger_id() as id`)
  expect(told.slice(0, 3)).toEqual(['lost', expect.stringContaining(`identified ${id}:`), 'heard'])
  const user = await ledger.user(10)
  await next(`changed ${user}:1`)
  await next('heard')
  await stop()
  expect(told.filter((line) => line === 'lost')).toHaveLength(1)
})

test('what changes while its connection is lost is told of when it is back', async () => {
  const { told, next, stop } = start()
  await next('heard')
  const user = await ledger.user(10)
  await ledger.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like '%get_changes%' and pid <> pg_backend_pid()`
  await ledger.sql`select debit_user(${user}, 1)`
  await vi.waitUntil(() => told.includes(`changed ${user}:2`))
  await stop()
  expect(told.filter((line) => line === 'lost')).toHaveLength(1)
})

test('when somebody broke the glass it is another history, and all is lost', async () => {
  const { told, next, stop } = start()
  await next('heard')
  const before = historyOf(told)
  await ledger.sql`select break_glass('ticket 42: the court ordered it')`
  await next('lost')
  await next('heard')
  await stop()
  expect(historyOf(told)).not.toBe(before)
  expect(historyOf(told).split(':')[0]).toBe(before.split(':')[0])
})

test('a pause is heard of by all, and its end', async () => {
  const other = start()
  await other.next('heard')
  let isDue = true
  const one = start({ mustPause: () => isDue })
  await one.next('heard of a pause')
  await other.next('heard of a pause')
  isDue = false
  await ledger.sql`alter sequence ledger.cache_paused_at restart`
  for (const { told } of [one, other]) {
    await expect.poll(() => told.at(-1)).toBe('heard')
  }
  await Promise.all([one.stop(), other.stop()])
})

test('a pause that the database refuses does not keep changes from being heard of', async () => {
  await ledger.sql`alter sequence ledger.cache_paused_at maxvalue 2 restart`
  onTestFinished(async () => {
    await ledger.sql`alter sequence ledger.cache_paused_at no maxvalue`
  })
  const { told, next, stop } = start({ mustPause: () => true })
  await next('heard')
  const user = await ledger.user(10)
  await next(`changed ${user}:1`)
  await stop()
  expect(told).not.toContain('heard of a pause')
})

test('failing for more than a second is told once, until it succeeds', async () => {
  const { told, stop } = start({ url: new URL('/postgres', ledger.url).href })
  await vi.waitUntil(() => told.length > 0, 5000)
  await stop()
  expect(told).toEqual(['failed'])
})

test('nothing is told after it was stopped', async () => {
  const { told, next, stop } = start()
  await next('heard')
  await stop()
  const before = [...told]
  await ledger.user(10)
  expect(told).toEqual(before)
})
