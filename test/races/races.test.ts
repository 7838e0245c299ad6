import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScenario, SCENARIOS } from './interleavings.ts'
import { startTestService, type TestService } from '../support/service.ts'
import { runStorm } from './storm.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

afterAll(() => service.close())

test.each(Object.keys(SCENARIOS))('%s: all is as it has to be', async (name) => {
  expect(await runScenario(name, service.database.url)).toEqual([])
})

// One seed is new in every run.
test.each([1, 2, Date.now() % 1_000_000])(
  'exactly the covered debits pass, whoever makes them: seed %i',
  async (seed) => {
    const storm = await runStorm({ url: service.database.url, seed, http: service.url })
    console.info(`seed ${seed}: ${JSON.stringify(storm)}`)
    expect(storm.violations).toEqual([])
    expect(storm.passed).toBe(100)
  },
)
