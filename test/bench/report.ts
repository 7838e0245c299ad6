/** What a run of the benchmark says in the end. */
import { isMet, type Pair } from './pairs.ts'
import { tableOf } from './table.ts'

export interface Report {
  hardware: string
  runtime: string
  postgres: string
  /** A moment a row: its checks count, and its numbers say nothing. */
  quick: boolean
  seconds: number
  pairs: Pair[]
  facts: Record<string, string[]>
  failures: string[]
}

/** The report as text, in Markdown. */
export function textOf(report: Report): string {
  const { hardware, runtime, postgres, seconds, pairs, failures } = report
  return [
    '',
    `${hardware}; service on ${runtime}; ${postgres}; ${seconds} s`,
    '',
    ...report.quick
      ? [`Ran for a moment, without numbers: ${pairs.map(({ name }) => name).join(', ')}.`]
      : numbersOf(report),
    '',
    failures.length === 0 ? `All checks passed${missed(report)}.` : 'FAILED:',
    ...failures.map((failure) => `- ${failure}`),
  ].join('\n')
}

function numbersOf({ pairs, facts }: Report): string[] {
  return [
    tableOf(pairs),
    '',
    'CPU seconds are for a thousand answers, A · B.',
    ...Object.entries(facts).flatMap(([name, lines]) => lines.map((line) => `- ${name}: ${line}`)),
  ]
}

/** Goals are no checks: a machine that is busy misses them. */
function missed({ quick, pairs }: Report): string {
  const goals = pairs.map(isMet).filter((met) => met !== undefined)
  const count = goals.filter((met) => !met).length
  return quick || count === 0 ? '' : `; ${count} of ${goals.length} goals missed`
}
