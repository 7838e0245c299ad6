import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { runTypeScript } from '../support/run_typescript.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

test('the service goes on when nobody reads what it logs any more', async () => {
  const entry = 'Deno' in globalThis ? 'src/deno.ts' : 'src/node.ts'
  const run = runTypeScript(entry, [], { DATABASE_URL: database.serviceUrl, PORT: '0' })
  const [, url] = await run.line(/listens on (http:\S+)/)
  run.hangUp()
  for (let n = 0; n < 5; n++) expect((await fetch(`${url}/livez`)).status).toBe(200)
  // Whatever it logged is written now at the latest.
  run.signal('SIGTERM')
  expect(await run.ended).toBe(0)
})
