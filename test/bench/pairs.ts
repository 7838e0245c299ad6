/** Two things measured in turn: A B A B … */
import type { Bench } from './bench.ts'

/** One measurement, and what it cost. */
export interface Phase {
  value: number
  /** Good answers; over them the CPU times are spread. */
  requests: number
  cpu_ms: { service: number; postgres: number; load: number }
}

export interface Side {
  /** What it is, with its unit. */
  name: string
  run(seconds: number): Promise<Phase>
}

export interface Goal {
  least?: number
  most?: number
}

export interface Pair {
  name: string
  a: { name: string; phases: Phase[] }
  b: { name: string; phases: Phase[] }
  ratios: number[]
  goal?: Goal | undefined
}

type Pace = Pick<Bench, 'rounds' | 'seconds' | 'warm_seconds'>

/** Fewer and longer rounds, for what a moment says little of. */
export const slowly = ({ rounds, seconds, warm_seconds }: Pace): Pace => ({
  rounds: Math.min(rounds, 5),
  seconds: 2 * seconds,
  warm_seconds,
})

/** Each side once to warm up, then both in turn. The ratio is that of each round. */
export async function pair(
  { rounds, seconds, warm_seconds }: Pace,
  name: string,
  a: Side,
  b: Side,
  goal?: Goal,
): Promise<Pair> {
  if (warm_seconds > 0) {
    await a.run(warm_seconds)
    await b.run(warm_seconds)
  }
  const measured: Pair = {
    name,
    a: { name: a.name, phases: [] },
    b: { name: b.name, phases: [] },
    ratios: [],
    goal,
  }
  for (let round = 0; round < rounds; round++) {
    const [ofA, ofB] = [await a.run(seconds), await b.run(seconds)]
    measured.a.phases.push(ofA)
    measured.b.phases.push(ofB)
    measured.ratios.push(ofA.value / ofB.value)
  }
  return measured
}

export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Whether the median is where it should be. */
export function isMet({ ratios, goal }: Pair): boolean | undefined {
  if (!goal) return undefined
  const ratio = median(ratios)
  return ratio >= (goal.least ?? -Infinity) && ratio <= (goal.most ?? Infinity)
}
