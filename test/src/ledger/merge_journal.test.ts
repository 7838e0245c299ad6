import { expect, test } from 'vitest'
import { journalCursorText, parseJournalCursor } from '../../../src/ledger/journal_cursor.ts'
import type { SeriesEntry } from '../../../src/ledger/journal_functions.ts'
import { type JournalSeries, mergeJournal } from '../../../src/ledger/merge_journal.ts'
import type { JournalEntry } from '../../../src/ledger/search_functions.ts'
import type { SeriesPosition } from '../../../src/ledger/series_functions.ts'
import { randomOf, SEED } from '../../support/share.ts'

const entry = (
  series: number,
  position: number,
  second: number,
  newer?: SeriesPosition,
): SeriesEntry => ({
  series,
  position,
  entry: { user_id: series, seq: position } as JournalEntry,
  sealedAt: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000Z`,
  newer,
})

const series = (number: number, found: SeriesEntry[], through = 0): JournalSeries => ({
  place: { series: number, before: 100 },
  found,
  through,
})

const namesOf = (entries: JournalEntry[]) => entries.map((one) => `${one.user_id}.${one.seq}`)
const merged = (all: JournalSeries[], maxRows = 100) => namesOf(mergeJournal(all, maxRows).entries)

test('entries are in the order of their moments, and of positions in each series', () => {
  const all = [
    series(0, [entry(0, 2, 5), entry(0, 1, 1)]),
    series(1, [entry(1, 3, 4), entry(1, 2, 2), entry(1, 1, 3)]),
  ]
  expect(merged(all)).toEqual(['0.2', '1.3', '1.2', '1.1', '0.1'])
})

test('an entry waits for the next one of its user, whatever the clocks of servers say', () => {
  const first = entry(1, 5, 9, { series: 0, position: 7 })
  expect(merged([series(0, [entry(0, 8, 2), entry(0, 7, 3)]), series(1, [first])]))
    .toEqual(['0.8', '0.7', '1.5'])
  // What is above the first page is no part of any; nor is a server that wasn't there then.
  const second = entry(1, 5, 9, { series: 0, position: 100 })
  expect(merged([series(0, [entry(0, 8, 2)]), series(1, [second])])).toEqual(['1.5', '0.8'])
  const third = entry(1, 5, 9, { series: 2, position: 1 })
  expect(merged([series(0, [entry(0, 8, 2)]), series(1, [third])])).toEqual(['1.5', '0.8'])
  // Numbers that somebody gave by hand may be in any order: nothing waits for ever.
  const own = entry(1, 5, 9, { series: 1, position: 3 })
  expect(merged([series(1, [own, entry(1, 3, 10)])])).toEqual(['1.5', '1.3'])
})

test('a page ends where a series was not read to its end', () => {
  const all = [series(0, [entry(0, 9, 8)], 9), series(1, [entry(1, 4, 9), entry(1, 3, 2)])]
  const { entries, places } = mergeJournal(all, 100)
  expect(namesOf(entries)).toEqual(['1.4', '0.9'])
  expect(places).toEqual([{ series: 0, before: 9 }, { series: 1, before: 4 }])
  expect(merged([series(0, [], 50), series(1, [entry(1, 4, 9)])])).toEqual([])
})

test('pages of any length have the same entries in the same order', () => {
  const random = randomOf(SEED)
  const upTo = (n: number) => Math.floor(random() * n)
  // What each of four users did, one after the other, at one of three servers.
  const last = [0, 0, 0]
  const users = new Map<number, SeriesEntry>()
  const written: SeriesEntry[] = []
  for (let n = 0; n < 60; n++) {
    const at = upTo(3)
    const one = entry(at, last[at] = last[at]! + 1, upTo(60))
    const user = upTo(4)
    const before = users.get(user)
    if (before) before.newer = { series: at, position: one.position }
    users.set(user, one)
    written.push(one)
  }
  /** As the servers answer it: at most so many of each below its place. */
  const below = (places: { series: number; before: number }[], maxRows: number) =>
    places.map((place): JournalSeries => {
      const found = written.filter((one) =>
        one.series === place.series && one.position < place.before
      ).sort((a, b) => b.position - a.position).slice(0, maxRows)
      return { place, found, through: found.length < maxRows ? 0 : found.at(-1)!.position }
    })
  const top = [0, 1, 2].map((number) => ({ series: number, before: 1000 }))
  const whole = merged(below(top, 1000), 1000)
  expect(whole).toHaveLength(60)
  for (const length of [1, 2, 7, 59, 60]) {
    const got: string[] = []
    for (let places = top; places.some(({ before }) => before > 0);) {
      const page = mergeJournal(below(places, length + 1), length)
      got.push(...namesOf(page.entries))
      places = parseJournalCursor(journalCursorText(page.places)) as typeof top
    }
    expect(got).toEqual(whole)
  }
})

test('a cursor is a position, or a place in the series of each server', () => {
  expect(parseJournalCursor('300')).toBe(300)
  expect(parseJournalCursor('0.300~12.0'))
    .toEqual([{ series: 0, before: 300 }, { series: 12, before: 0 }])
  const refused = ['', '0', '-1', '1.', '.1', '1.1~', '1.1~1.2', '12345.1', '1.9999999999999999']
  for (const text of [...refused, '9007199254740992', '1.1~'.repeat(2000) + '2.2']) {
    expect([text, parseJournalCursor(text)]).toEqual([text, undefined])
  }
})
