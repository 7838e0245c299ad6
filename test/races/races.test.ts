import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScenario, SCENARIOS } from './interleavings.ts'
import { startTestService, type TestService } from '../support/service.ts'
import { sample, SEED, shareOf } from '../support/share.ts'
import { runStorm } from './storm.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

afterAll(() => service.close())

test.each(sample('interleavings', Object.keys(SCENARIOS), 4))(
  '%s: all is as it has to be',
  async (name) => {
    expect(await runScenario(name, service.database.url)).toEqual([])
  },
)

const DEBITS = shareOf(500, 50)

test.each(Array.from({ length: shareOf(3) }, (_, n) => SEED + n))(
  'exactly the covered debits pass, whoever makes them: seed %i',
  async (seed) => {
    const storm = await runStorm({
      url: service.database.url,
      seed,
      http: service.url,
      debits: DEBITS,
    })
    console.info(`seed ${seed}: ${JSON.stringify(storm)}`)
    expect(storm.violations).toEqual([])
    expect(storm.passed).toBe(DEBITS / 5)
  },
)
