import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readFunction } from '../../db/function_blocks.ts'
import { one, useLedger } from '../support/ledger.ts'
import { run, runTypeScript, typeScriptCommand } from '../support/run_typescript.ts'
import { onDeno } from '../support/service.ts'
import { tamper } from '../support/tampering.ts'
import { sample } from '../support/share.ts'

const ledger = useLedger()

let folder: string
let ids: number[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-verify-'))
  ids = []
  for (let n = 0; n < 40; n++) ids.push(await ledger.user(10))
  await ledger.sql`select credit_user(${ids[20]!}::bigint, 1)`
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Exit code, then the lines that it wrote. */
async function verify(...args: string[]): Promise<[number | string, ...string[]]> {
  const run = runTypeScript('db/verify.ts', args, { DATABASE_URL: ledger.url })
  return [await run.ended, ...run.output().trimEnd().split('\n')]
}

test('npm run verify ends with 0 and a summary when there is nothing to find', async () => {
  expect(await verify())
    .toEqual([0, expect.stringMatching(/^no findings: 41 rows, 41 users, \d+\.\d seconds$/)])
  expect(await verify('--connections', '1'))
    .toEqual([0, expect.stringMatching(/^no findings: 41 rows, 41 users, /)])
  expect(await verify('--user', `${ids[0]}`))
    .toEqual([0, expect.stringMatching(`^no findings: user ${ids[0]}, `)])
})

test('npm run verify goes on where a state file says, and removes it', async () => {
  const state = join(folder, 'state.json')
  const { name } = await one(ledger.sql<{ name: string }[]>`
    select current_database() || ' of ' || min(created_at) as name from users`)
  await writeFile(
    state,
    JSON.stringify({
      version: 1,
      ledger: name,
      rows: 1000,
      users: 100,
      findings: 0,
      ranges: [
        { upto: `${ids[19]}`, entries: null, users: null },
        { upto: '9223372036854775807', entries: [`${ids[20]}`, '1'], users: `${ids[38]}` },
      ],
    }),
  )
  expect(await verify('--state', state))
    .toEqual([0, expect.stringMatching(/^no findings: 1020 rows, 101 users, /)])
  await expect(readFile(state)).rejects.toThrow('ENOENT')

  for (const [text, message] of [['{}', /is not a state of verify$/], ['', /is not a state/]]) {
    await writeFile(state, text as string)
    expect(await verify('--state', state)).toEqual([2, expect.stringMatching(message!)])
  }
  await writeFile(
    state,
    JSON.stringify({ version: 1, ledger: 'x', rows: 0, users: 0, findings: 0, ranges: [] }),
  )
  expect(await verify('--state', state)).toEqual([2, expect.stringMatching(/of another ledger$/)])
})

describe('npm run verify, interrupted in the middle,', () => {
  const GATE = 42

  /** Whoever comes to the second half of the users waits at the gate. */
  const buildGate = () =>
    ledger.sql.unsafe(
      readFunction('db', 'verify_entries').replace(
        /^begin$/m,
        `begin if verify_entries.upto_user_id > ${ids[20]}
           then perform pg_advisory_xact_lock_shared(${GATE}); end if;`,
      ),
    )
  const tearDownGate = () => ledger.sql.unsafe(readFunction('db', 'verify_entries'))

  test.each<[NodeJS.Signals, number | string]>([['SIGINT', 2], ['SIGKILL', 'SIGKILL']])(
    'by %s goes on where it was: nothing is left out, nothing done twice, no finding lost',
    async (signal, code) => {
      const state = join(folder, `interrupted_by_${signal}.json`)
      const args = ['--connections', '2', '--state', state]
      const holder = ledger.connect()
      await holder`select pg_advisory_lock(${GATE})`
      await tamper(ledger.sql, `update users set balance = 1 where id = ${ids[5]}`)
      await buildGate()
      try {
        const run = runTypeScript('db/verify.ts', args, { DATABASE_URL: ledger.url })
        await vi.waitUntil(async () => {
          const waiting = await ledger.sql`
            select from pg_locks where locktype = 'advisory' and not granted
               and database = (select oid from pg_database where datname = current_database())`
          return waiting.length === 2
        }, { interval: 20 })
        run.signal(signal)
        expect(await run.ended).toBe(code)
        expect(run.output()).toMatch(new RegExp(`^copy_differs\\tuser ${ids[5]}\\t`, 'm'))
        const { rows, users } = JSON.parse(await readFile(state, 'utf8')) as Record<string, number>
        expect(rows).toBeGreaterThan(10)
        expect(rows).toBeLessThan(30)
        expect(users).toBeGreaterThan(10)
      } finally {
        await holder`select pg_advisory_unlock(${GATE})`
        await tearDownGate()
      }
      const [ended, ...lines] = await verify(...args)
      expect([ended, ...lines])
        .toEqual([1, expect.stringMatching(/^1 finding: 41 rows, 41 users, /)])
      await expect(readFile(state)).rejects.toThrow('ENOENT')
      await ledger.sql`select recalculate_balance(${ids[5]!})`
    },
  )
})

test('npm run verify prints each finding as a line and ends with 1', async () => {
  await tamper(
    ledger.sql,
    `update payment_history set ts = now() where user_id = ${ids[30]}`,
    `update users set balance = 1 where id = ${ids[5]}`,
  )
  const [code, ...lines] = await verify()
  expect(code).toBe(1)
  expect(lines.slice(0, -1).sort()).toEqual([
    expect.stringMatching(`^copy_differs\tuser ${ids[5]}\tseq 1\t`),
    expect.stringMatching(`^hash_differs\tuser ${ids[30]}\tseq 1\t`),
  ])
  expect(lines.at(-1)).toMatch(/^2 findings: /)
  expect(await verify('--user', `${ids[30]}`)).toEqual([
    1,
    expect.stringMatching('^hash_differs\t'),
    expect.stringMatching(`^1 finding: user ${ids[30]}, `),
  ])
})

test.each(sample('bad arguments', [
  [['--user', '0'], '--user must be the id of a user'],
  [['--user', 'x'], '--user must be the id of a user'],
  [['--user', '999999'], 'unknown user'],
  [['--connections', '0'], '--connections must be from 1 to 32'],
  [['--connections', '33'], '--connections must be from 1 to 32'],
  [['--public-key', 'x'], '--public-key needs --anchors'],
  [['--what'], `Unknown option '--what'`],
  [['--anchors', '/nowhere'], 'ENOENT'],
], 2))('npm run verify %s ends with 2 and says why', async (args, message) => {
  const [code, ...lines] = await verify(...args)
  expect([code, lines.at(-1)]).toEqual([2, expect.stringContaining(message)])
})

test('npm run verify ends without a word when nobody reads what it prints', async () => {
  const command = `exec "$@" | head -c 0; exit \${PIPESTATUS[0]}`
  const verifies = [...typeScriptCommand('db/verify.ts'), '--user', `${ids[0]}`]
  const piped = run(['bash', '-c', command, 'bash', ...verifies], { DATABASE_URL: ledger.url })
  // console.log of Deno doesn't tell that nobody reads.
  expect([await piped.ended, piped.output()]).toEqual([onDeno ? 0 : 2, ''])
})

test('npm run verify without a database ends with 2 and one line', async () => {
  for (const url of ['', 'http://x', 'postgres://u:secret@127.0.0.1:1/x']) {
    const run = runTypeScript('db/verify.ts', [], { DATABASE_URL: url })
    expect([await run.ended, run.output()]).toEqual([2, expect.stringMatching(/^.+\n$/)])
    expect(run.output()).not.toContain('secret')
  }
})
