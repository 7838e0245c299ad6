import { afterEach, beforeEach, expect, test } from 'vitest'
import { createErrorOutput } from '../../../src/telemetry/error_output.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo } from '../../support/ledger.ts'
import { type Run, run } from '../../support/run_typescript.ts'
import { serveCommand } from '../../support/service.ts'

/** What was written, and a hold on when a write is done. */
function sink() {
  const written: string[] = []
  const done: ((error?: Error) => void)[] = []
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      written.push(text)
      done.push((error) => error ? reject(error) : resolve())
    })
  return { written, done, write }
}

const format = (...words: unknown[]) => words.join(' ')

test('a line is written at once, and the next ones together when it is', async () => {
  const { written, done, write } = sink()
  const errors = createErrorOutput({ write, format })
  for (const word of ['a', 'b', 'c']) errors.line(word, 1)
  expect(written).toEqual(['a 1\n'])
  done[0]!()
  await expect.poll(() => written).toEqual(['a 1\n', 'b 1\nc 1\n'])
  done[1]!(new Error('the reader is gone'))
  await errors.flush()
  errors.line('d')
  expect(written[2]).toBe('d\n')
})

test('what nobody reads is dropped, and counted', async () => {
  const { written, done, write } = sink()
  const { line } = createErrorOutput({ write, format, maxWaiting: 2 })
  for (let n = 0; n < 10; n++) line(n)
  done[0]!()
  await expect.poll(() => written.length).toBe(2)
  const [one, two, last] = written[1]!.trimEnd().split('\n')
  expect([one, two]).toEqual(['1', '2'])
  expect(JSON.parse(last!)).toMatchObject({ level: 'warn', what: 'lines dropped', dropped: 7 })
})

let database: TestDatabase
let server: Run | undefined

beforeEach(async () => {
  database = await createDatabase()
})

afterEach(async () => {
  server?.resume()
  server?.signal('SIGKILL')
  await server?.ended
  await database.drop()
})

test(
  'a service whose standard error nobody reads answers, and stops',
  async () => {
    server = run(serveCommand(), {
      DATABASE_URL: database.serviceUrl,
      PORT: '0',
      ACCESS_LOG: 'off',
    })
    const url = (await server.line(/listens on (http:\S+)/))[1]!
    server.pause()
    // A line each, far more than a pipe has room for.
    const sql = connectTo(database.url)
    await sql`revoke execute on all functions in schema public from ledger_service`
    await sql.end()
    const ask = async () => await (await fetch(`${url}/readyz`)).text()
    for (let n = 0; n < 40; n++) await Promise.all(Array.from({ length: 50 }, ask))
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    server.signal('SIGTERM')
    // Only an end of the process ends its streams, which are read again for that.
    server.resume()
    expect(await server.ended).toBe(0)
  },
)
