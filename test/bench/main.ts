/** `npm run bench`: how fast it is, in ratios that mean the same on every machine. */
import { writeFile } from 'node:fs/promises'
import { printedHelp } from '../../src/command_line.ts'
import { type Bench, startBench } from './bench.ts'
import { hardware } from './machine.ts'
import { HELP, type Options, parseOptions } from './options.ts'
import { isMet, median, type Pair } from './pairs.ts'
import { type Report, textOf } from './report.ts'
import { ROWS } from './rows.ts'
import { short } from './table.ts'

async function runRows(
  bench: Bench,
  { only, quick }: Options,
): Promise<Pick<Report, 'pairs' | 'facts'>> {
  const pairs: Pair[] = []
  const facts: Report['facts'] = {}
  for (const name of only) {
    const since = performance.now()
    const result = await ROWS[name](bench)
    const seconds = ((performance.now() - since) / 1000).toFixed(1)
    pairs.push(...result.pairs)
    facts[name] = result.facts ?? []
    for (const { name, ratios } of result.pairs) {
      console.error(`${name}: ${quick ? 'ran' : short(median(ratios))} (${seconds} s)`)
    }
    for (const fact of quick ? [] : facts[name]) console.error(`  ${fact}`)
  }
  return { pairs, facts }
}

async function run(options: Options, bench: Bench, since: number): Promise<Report> {
  const { pairs, facts } = await runRows(bench, options)
  await bench.check()
  const version = bench.runtime === 'node' ? ` ${process.versions.node}` : ''
  return {
    hardware: hardware(),
    runtime: `${bench.runtime}${version}`,
    postgres: bench.postgres.described,
    quick: options.quick,
    seconds: Math.round((performance.now() - since) / 1000),
    pairs,
    facts,
    failures: bench.failures,
  }
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const since = performance.now()
  const options = parseOptions(process.argv.slice(2))
  const bench = await startBench(options)
  const stop = () => void bench.stop().finally(() => process.exit(1))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  try {
    const report = await run(options, bench, since)
    console.log(textOf(report))
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
    const missed = options.goals && report.pairs.some((pair) => isMet(pair) === false)
    return report.failures.length > 0 || missed ? 1 : 0
  } finally {
    await bench.stop()
  }
}

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message)
  return 1
})
