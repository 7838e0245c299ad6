/** reads: cached balances against the same app answering with a constant. */
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import { MANY } from '../postgres.ts'
import type { Row } from './row.ts'

const TOKEN = 'bench'
const USERS = { first: MANY.first, count: 1000 }
const LEAST_HITS = 0.99

export const reads: Row = async (bench) => {
  const database = await bench.database('shared')
  const redis = await bench.program('redis.ts', { TOKEN }, 'node')
  const program = await bench.service(database, {
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: TOKEN,
    // Nobody's snapshot goes while it lasts.
    SNAPSHOT_TTL_SECONDS: '3600',
  })
  const constant = await bench.program('constant_app.ts')
  const options = { request: 'read' as const, users: USERS }
  const a = httpLoop(bench, { name: 'cached GETs/s', program, ...options })
  const b = httpLoop(bench, { name: 'constant GETs/s of our app', program: constant, ...options })
  // Until everybody is in the cache.
  await a.run(1)
  const before = await readsOf(program.url)
  const measured = await pair(bench, 'reads', a, b, { least: 0.5 })
  const { hit, all } = await readsOf(program.url)
  const share = (hit - before.hit) / (all - before.all)
  if (share < LEAST_HITS && !bench.quick) bench.failures.push(`reads: only ${share} were hits`)
  return { pairs: [measured], facts: [`${(100 * share).toFixed(1)} % of all reads were hits`] }
}

async function readsOf(url: string): Promise<{ hit: number; all: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const of = (cache: string) =>
    Number(
      new RegExp(`^user_balance_reads_total\\{cache="${cache}"\\} (\\d+)`, 'm').exec(text)?.[1],
    )
  return { hit: of('hit'), all: of('hit') + of('miss') + of('bypass') }
}
