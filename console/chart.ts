/** A step chart of the balance after each of the last entries. */
import type uPlot from 'uplot'
import type { Entry } from '../client/ledger.ts'
import { card, element } from './element.ts'
import { moment, money } from './format.ts'
import type { Section } from './history.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

const MAX_ENTRIES = 250
const HEIGHT_PX = 170

type Plot = typeof uPlot
const loadPlot = async (): Promise<Plot> =>
  (await import(new URL('../chart/uPlot.esm.js', import.meta.url).href) as { default: Plot })
    .default

/**
 * Seconds and balances, oldest first, as the picture needs them: as floating-point numbers, and no
 * moment before the one to its left, which a manual entry may have.
 */
function pointsOf(entries: readonly Entry[]): [number[], number[]] {
  const [moments, balances]: [number[], number[]] = [[], []]
  for (const { ts, balance } of entries) {
    moments.push(Math.max(Date.parse(ts) / 1000, moments.at(-1) ?? -Infinity))
    balances.push(Number(balance))
  }
  return [moments, balances]
}

/** The chart of a user. */
export function chartSection({ client }: Session, id: number): Section & { stop(): void } {
  const place = element('div', { class: 'plot', role: 'img' })
  const caption = element('figcaption', { class: 'note' })
  const readout = element('output', { class: 'readout note' })
  const problem = element('div', { role: 'alert' })
  const node = card('Balance over time', readout, element('figure', {}, place, caption), problem)
  let entries: Entry[] = []
  let plot: uPlot | undefined

  const size = () => ({ width: Math.max(200, place.clientWidth), height: HEIGHT_PX })
  const resized = new ResizeObserver(() => plot?.setSize(size()))
  const themed = new MutationObserver(() => plot?.redraw())
  resized.observe(place)
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })

  function describe(balances: number[]): void {
    const [first, last] = [entries[0]!, entries.at(-1)!]
    const at = (value: number) => money(entries[balances.indexOf(value)]!.balance)
    const [low, high] = [at(Math.min(...balances)), at(Math.max(...balances))]
    caption.replaceChildren(
      `Entries ${first.seq} to ${last.seq}, since `,
      moment(first.ts),
      `. Lowest ${low}, highest ${high}.`,
    )
    place.setAttribute('aria-label', `Balance over time. ${caption.textContent}`)
  }

  function point(at: number | null | undefined): void {
    const entry = entries[at ?? -1]
    readout.replaceChildren(...(entry ? [moment(entry.ts), ` · ${money(entry.balance)}`] : []))
  }

  async function refresh(): Promise<void> {
    try {
      const [Plot, page] = await Promise.all([
        loadPlot(),
        client.listEntries(id, { limit: MAX_ENTRIES }),
      ])
      problem.replaceChildren()
      entries = page.entries.toReversed()
      node.hidden = entries.length === 0
      if (entries.length === 0) return
      const data = pointsOf(entries)
      describe(data[1])
      if (plot) plot.setData(data)
      else plot = new Plot({ ...optionsOf(Plot, place, point), ...size() }, data, place)
    } catch (error) {
      problem.replaceChildren(explain(error))
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

/** Months and days, or hours and minutes, in UTC. */
const axisMoments = (seconds: number[], step: number): string[] =>
  seconds.map((one) => {
    const text = new Date(one * 1000).toISOString()
    return step < 86_400 ? text.slice(11, 16) : text.slice(5, 10)
  })

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
    scales: { y: { range: { min: { pad: 0.1, soft: 0, mode: 2 }, max: { pad: 0.1 } } } },
    axes: [
      { ...axis, size: 30, values: (_, seconds, __, ___, step) => axisMoments(seconds, step) },
      { ...axis, size: 72, values: (_, values) => values.map((one) => one.toLocaleString('en')) },
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
