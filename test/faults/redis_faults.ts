/** Redis is gone, hangs, fails, or lies: no debit may notice, and no reader be told wrong. */
import { pause } from './pause.ts'
import type { Mood } from './redis_front.ts'
import type { Scenario } from './scenarios.ts'

let kills = 0

const moody = (name: string, mood: Mood): Scenario => ({
  name,
  rounds: 2,
  harmless: true,
  async strike({ redis, progress, hush, recover, load }) {
    redis.mood(mood)
    await progress()
    // Long enough for the service to ask again after it has given up once.
    await pause(1_300)
    // What Redis has is from before; nobody writes something new over it.
    await hush(async () => {
      redis.mood('well')
      await recover()
      await load.readAll()
    })
  },
  evidence: ({ redis }) => Promise.resolve({ 'calls that failed': redis.struck() }),
})

export const REDIS_FAULTS: Scenario[] = [
  {
    name: 'Redis killed',
    rounds: 3,
    harmless: true,
    async strike({ redis, progress }) {
      await redis.kill()
      kills++
      await progress()
      await redis.start()
    },
    evidence: () => Promise.resolve({ kills }),
  },
  moody('Redis hanging', 'hanging'),
  moody('Redis answering 500', 'error'),
  moody('Redis answering HTML', 'page'),
  moody("Redis answering with other users' snapshots", 'mixed up'),
]
