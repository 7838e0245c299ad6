import { expect, test } from 'vitest'
import type { LedgerEvent } from '../../../src/ledger/event_functions.ts'
import { NO_DIGEST } from '../../../src/ledger/event_cursor.ts'
import { mergeSeries, type Series } from '../../../src/ledger/merge_series.ts'
import type { SeriesEvent, SeriesPosition } from '../../../src/ledger/series_functions.ts'
import { randomOf, SEED } from '../../support/share.ts'

const event = (
  series: number,
  position: number,
  second: number,
  needs: SeriesPosition[] = [],
): SeriesEvent => ({
  series,
  position,
  digest: `${series}${position}`.padStart(16, '0'),
  event: {
    id: `${series}.${position}`,
    timestamp: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000Z`,
  } as LedgerEvent,
  needs,
})

const series = (number: number, found: SeriesEvent[], more: Partial<Series> = {}): Series => ({
  place: { series: number, position: 0, incarnation: 'i', through: 0 },
  digest: NO_DIGEST,
  found,
  through: 100,
  isWhole: true,
  ...more,
})

const idsOf = (all: Series[], maxRows = 100) =>
  mergeSeries(all, maxRows).events.map(({ event }) => event.id)

test('events are in the order of their moments, and of positions in each series', () => {
  const all = [
    series(0, [event(0, 1, 1), event(0, 2, 5)]),
    series(1, [event(1, 1, 3), event(1, 2, 2), event(1, 3, 9)]),
  ]
  expect(idsOf(all)).toEqual(['0.1', '1.1', '1.2', '0.2', '1.3'])
})

test('an event waits for what it needs, whatever the clocks of servers say', () => {
  const late = event(1, 5, 1, [{ series: 0, position: 7 }])
  expect(idsOf([series(0, [event(0, 7, 9)]), series(1, [late])])).toEqual(['0.7', '1.5'])
  // Nothing is there that isn't settled yet, nor of a server that isn't known.
  expect(idsOf([series(0, [], { through: 6 }), series(1, [late])])).toEqual([])
  expect(idsOf([series(1, [late])])).toEqual([])
  // Somebody who doesn't want it needn't wait for it.
  expect(idsOf([series(0, [event(0, 8, 9)]), series(1, [late])])).toEqual(['1.5', '0.8'])
})

test('a page ends where a series was not read to its end', () => {
  const all = [
    series(0, [event(0, 1, 2)], { through: 1, isWhole: false }),
    series(1, [event(1, 1, 1), event(1, 2, 3)]),
  ]
  const { places, events } = mergeSeries(all, 100)
  expect(events.map(({ event }) => event.id)).toEqual(['1.1', '0.1'])
  expect(places.map(({ through }) => through)).toEqual([1, 1])
  expect(idsOf(all, 1)).toEqual(['1.1'])
})

test('whoever goes on from any cursor gets the rest, and each event once', () => {
  const random = randomOf(SEED)
  const all = [0, 1, 2].map((number) => {
    const found: SeriesEvent[] = []
    for (let n = 1; n <= 20; n++) found.push(event(number, 2 * n, Math.floor(random() * 60)))
    return found
  })
  const readFrom = (places: Series['place'][]) =>
    all.map((found, n) =>
      series(n, found.filter(({ position }) => position > places[n]!.through), {
        place: places[n]!,
      })
    )
  const begin = all.map((_, n) => series(n, []).place)
  const whole = idsOf(readFrom(begin))
  expect(whole).toHaveLength(60)
  const read: string[] = []
  for (let places = begin; read.length < whole.length;) {
    const { events } = mergeSeries(readFrom(places), 1 + Math.floor(random() * 9))
    const last = events[Math.floor(random() * events.length)]!
    read.push(...events.slice(0, events.indexOf(last) + 1).map(({ event }) => event.id))
    places = last.places
  }
  expect(read).toEqual(whole)
})
