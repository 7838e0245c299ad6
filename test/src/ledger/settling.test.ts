import { expect, test } from 'vitest'
import type { Numbering, Server } from '../../../src/ledger/series_functions.ts'
import { createSettling } from '../../../src/ledger/settling.ts'

const servers: Server[] = [0, 1, 2].map((series) => ({
  series,
  address: series === 0 ? undefined : { host: 'server', port: series },
}))

/** What a server says: its last position, and of whom the oldest is open. */
const says = (
  series: number,
  lastPosition: number,
  oldestOpen?: bigint,
  horizon = oldestOpen === undefined ? undefined : oldestOpen + 10n,
): Numbering => ({
  series,
  lastPosition,
  epoch: 'e',
  incarnation: `${series}`.repeat(8),
  oldestOpen,
  horizon,
})

const positions = (settled: ReturnType<ReturnType<typeof createSettling>>) =>
  settled.map(({ position }) => position)

test('what nobody is at work on is settled at once', () => {
  expect(positions(createSettling()(servers, [says(0, 3), says(1, 4), says(2, 5)])))
    .toEqual([3, 4, 5])
})

test('a position waits for those who were open when it was given, on its server', () => {
  const settle = createSettling()
  settle(servers, [says(0, 3), says(1, 4), says(2, 5)])
  // Those of the coordinator are written on any of the others.
  expect(positions(settle(servers, [says(0, 6), says(1, 7, 50n), says(2, 8)]))).toEqual([3, 4, 8])
  // The same one is open still; later ones don't matter.
  expect(positions(settle(servers, [says(0, 9), says(1, 10, 50n), says(2, 11, 70n)])))
    .toEqual([3, 4, 8])
  expect(positions(settle(servers, [says(0, 12), says(1, 13, 60n), says(2, 14, 70n)])))
    .toEqual([6, 7, 8])
  expect(positions(settle(servers, [says(0, 12), says(1, 13), says(2, 14)]))).toEqual([12, 13, 14])
})

test('after a restart nothing is known until those who are open have ended', () => {
  const settle = createSettling()
  settle(servers, [says(0, 3), says(1, 4), says(2, 5)])
  const restarted = (one: Numbering) => ({ ...one, epoch: 'another' })
  expect(positions(settle(servers, [says(0, 3), restarted(says(1, 4, 50n)), says(2, 5)])))
    .toEqual([3, undefined, 5])
  expect(positions(settle(servers, [says(0, 3), restarted(says(1, 4)), says(2, 5)])))
    .toEqual([3, 4, 5])
})

test('a server that is gone has given all that it will', () => {
  const settle = createSettling()
  const [first, second] = servers
  const gone = [first!, second!, { series: 2, address: undefined }]
  expect(settle(gone, [says(0, 3), says(1, 4)])[2])
    .toMatchObject({ position: 2 ** 48 - 1, epoch: '', incarnation: '00000000' })
})
