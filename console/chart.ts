/** A step chart of the balance after each of the last entries. */
import type uPlot from 'uplot'
import type { Entry } from '../client/ledger.ts'
import { card, element } from './element.ts'
import { choice, labelled } from './field.ts'
import { moment, money } from './format.ts'
import type { Section } from './history.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

/** How many entries are shown: the first of these, if nobody chooses another. */
const COUNTS = [250, 1_000, 10_000] as const
const MAX_PAGE_SIZE = 1000
const HEIGHT_PX = 170

/** From which share of the highest balance on the lowest one is too far from zero to show it. */
const WITHOUT_ZERO = 0.8
/** uPlot's modes of an axis that reaches to zero: if the lowest value comes near it, or always. */
const [NEAR, ALWAYS] = [3, 2] as const

type Plot = typeof uPlot
const loadPlot = async (): Promise<Plot> =>
  (await import(new URL('../chart/uPlot.esm.js', import.meta.url).href) as { default: Plot })
    .default

/**
 * Seconds and balances, oldest first, as the picture needs them: as floating-point numbers, and no
 * moment before the one to its left, which a manual entry may have. The last balance lasts until
 * now.
 */
function pointsOf(entries: readonly Entry[]): [number[], number[]] {
  const [moments, balances]: [number[], number[]] = [[], []]
  const add = (milliseconds: number, balance: string) => {
    moments.push(Math.max(milliseconds / 1000, moments.at(-1) ?? -Infinity))
    balances.push(Number(balance))
  }
  for (const { ts, balance } of entries) add(Date.parse(ts), balance)
  add(Date.now(), entries.at(-1)!.balance)
  return [moments, balances]
}

/**
 * Reads the last entries, oldest first, page by page, down to those that are known.
 * @param known the last ones of some time ago, oldest first
 */
async function readLast(
  { client }: Session,
  id: number,
  count: number,
  known: readonly Entry[],
): Promise<Entry[]> {
  const read: Entry[] = []
  let before: number | null = null
  for (;;) {
    const limit = Math.min(count - read.length, read.length === 0 ? COUNTS[0] : MAX_PAGE_SIZE)
    const page = await client.listEntries(id, { limit, ...(before !== null && { before }) })
    read.push(...page.entries)
    before = page.next
    const first = read.at(-1)?.seq ?? 1
    const isJoined = (known.at(-1)?.seq ?? 0) >= first - 1
    const all = [...known.filter(({ seq }) => isJoined && seq < first), ...read.toReversed()]
    if (all.length >= count || before === null) return all.slice(-count)
  }
}

/** What the picture shows, in words; `balances`: those of the entries, as numbers. */
function descriptionOf(entries: readonly Entry[], balances: number[]): (string | Node)[] {
  const [first, last] = [entries[0]!, entries.at(-1)!]
  const at = (value: number) => money(entries[balances.indexOf(value)]!.balance)
  const [low, high] = [at(Math.min(...balances)), at(Math.max(...balances))]
  const seqs = `Entries ${first.seq} to ${last.seq}, since `
  return [seqs, moment(first.ts), `. Lowest ${low}, highest ${high}.`]
}

/** The chart of a user. */
export function chartSection(session: Session, id: number): Section & { stop(): void } {
  const place = element('div', { class: 'plot', role: 'img', 'aria-label': 'Balance over time' })
  const caption = element('figcaption', { class: 'note' })
  const readout = element('output', { class: 'readout note' })
  const problem = element('div', { role: 'alert' })
  const count = choice(
    { change: () => void refresh() },
    COUNTS.map((many) => [`${many}`, `last ${many.toLocaleString('en')}`] as const),
  )
  const counted = labelled('Entries', count)
  const figure = element('figure', {}, place, caption)
  const node = card('Balance over time', counted, readout, figure, problem)
  let entries: Entry[] = []
  let plot: uPlot | undefined
  let asked = 0

  const size = () => ({ width: Math.max(200, place.clientWidth), height: HEIGHT_PX })
  const resized = new ResizeObserver(() => plot?.setSize(size()))
  const themed = new MutationObserver(() => plot?.redraw())
  resized.observe(place)
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })

  function point(at: number | null | undefined): void {
    const entry = typeof at === 'number' ? entries[at] ?? entries.at(-1) : undefined
    readout.replaceChildren(...(entry ? [moment(entry.ts), ` · ${money(entry.balance)}`] : []))
  }

  async function refresh(): Promise<void> {
    const number = ++asked
    try {
      const [Plot, last] = await Promise.all([
        loadPlot(),
        readLast(session, id, Number(count.value), entries),
      ])
      if (number !== asked) return
      problem.replaceChildren()
      entries = last
      node.hidden = entries.length === 0
      if (entries.length === 0) return
      counted.hidden = entries.at(-1)!.seq <= COUNTS[0]
      const data = pointsOf(entries)
      caption.replaceChildren(...descriptionOf(entries, data[1]))
      place.setAttribute('aria-label', `Balance over time. ${caption.textContent}`)
      if (plot) plot.setData(data)
      else plot = new Plot({ ...optionsOf(Plot, place, point), ...size() }, data, place)
    } catch (error) {
      if (number === asked) problem.replaceChildren(explain(error))
    }
  }

  return {
    node,
    refresh,
    stop() {
      resized.disconnect()
      themed.disconnect()
      plot?.destroy()
    },
  }
}

/** Where in a moment as ISO writes it to begin and end, by seconds from one to the next. */
const SHOWN_OF_MOMENT = [[60, 11, 19], [86_400, 11, 16], [2_592_000, 5, 10], [Infinity, 0, 7]]

/** Years and months, months and days, or the time of the day, in UTC. */
function axisMoments(seconds: number[], step: number): string[] {
  const [, begin, end] = SHOWN_OF_MOMENT.find(([limit]) => step < limit!)!
  return seconds.map((one) => new Date(one * 1000).toISOString().slice(begin, end))
}

function optionsOf(
  Plot: Plot,
  place: HTMLElement,
  onPoint: (at: number | null | undefined) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  // Their colours as they are there, dark or light.
  const [line, grid] = [element('i', { class: 'line' }), element('i', { class: 'grid' })]
  place.append(line, grid)
  const colourOf = (one: HTMLElement) => () => getComputedStyle(one).color
  const axis = {
    stroke: colourOf(place),
    grid: { stroke: colourOf(grid), width: 1 },
    ticks: { show: false },
  }
  const stepped = Plot.paths.stepped?.({ align: 1 })
  return {
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false }, points: { size: 8 } },
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx)] },
    scales: {
      y: {
        range: (_, low, high) =>
          Plot.rangeNum(low, high, {
            min: { pad: 0.1, soft: 0, mode: low > high * WITHOUT_ZERO ? NEAR : ALWAYS },
            max: { pad: 0.1 },
          }),
      },
    },
    axes: [
      { ...axis, size: 30, values: (_, seconds, __, ___, step) => axisMoments(seconds, step) },
      {
        ...axis,
        size: (_, texts) => 16 + 7 * Math.max(0, ...(texts ?? []).map(({ length }) => length)),
        values: (_, values) => values.map((one) => one.toLocaleString('en')),
      },
    ],
    series: [
      {},
      {
        stroke: colourOf(line),
        width: 2,
        points: { show: false },
        ...(stepped && { paths: stepped }),
      },
    ],
  }
}
