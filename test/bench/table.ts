/** The table of a run, in Markdown. */
import { isMet, median, type Pair, type Phase } from './pairs.ts'

const HEAD = [
  'row',
  'ratio',
  'median',
  'min–max',
  'goal',
  'met',
  'median A',
  'median B',
  'CPU s of the service',
  'of PostgreSQL',
  'of the load',
]

/** Three digits that mean something. */
export const short = (value: number): string =>
  !Number.isFinite(value)
    ? '–'
    : Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en-US')
    : value.toPrecision(3)

const goalOf = ({ goal }: Pair) =>
  goal?.least !== undefined ? `≥ ${goal.least}` : goal?.most !== undefined ? `≤ ${goal.most}` : ''

/** CPU seconds for a thousand good answers. */
const cpuOf = (phases: Phase[], who: keyof Phase['cpu_ms']) => {
  const spent_ms = phases.reduce((sum, { cpu_ms }) => sum + cpu_ms[who], 0)
  return short(spent_ms / phases.reduce((sum, { requests }) => sum + requests, 0))
}

const medianOf = (phases: Phase[]) => short(median(phases.map(({ value }) => value)))

function cellsOf(pair: Pair): string[] {
  const { name, a, b, ratios } = pair
  const met = isMet(pair)
  const both = (who: keyof Phase['cpu_ms']) => `${cpuOf(a.phases, who)} · ${cpuOf(b.phases, who)}`
  return [
    name,
    `${a.name} ÷ ${b.name}`,
    `**${short(median(ratios))}**`,
    `${short(Math.min(...ratios))}–${short(Math.max(...ratios))}`,
    goalOf(pair),
    met === undefined ? '' : met ? 'yes' : 'NO',
    medianOf(a.phases),
    medianOf(b.phases),
    both('service'),
    both('postgres'),
    both('load'),
  ]
}

/** CPU seconds are those of A · B. */
export function tableOf(pairs: Pair[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...pairs.map(cellsOf)]
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
