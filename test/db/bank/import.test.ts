import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importBankFile } from '../../../db/bank/import.ts'
import { parseOptions } from '../../../db/bank/bank_options.ts'
import { reconcileBankFile } from '../../../db/bank/reconcile.ts'
import { copyOf, historyOf, useLedger } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-import-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function argumentsOf(lines: string[], options: string[]): Promise<string[]> {
  const path = join(folder, 'bank.csv')
  await writeFile(path, ['Day,Ref,Who,Sum,What', ...lines, ''].join('\n'))
  const columns = ['--reference', 'Ref', '--user', 'Who', '--amount', 'Sum', '--date', 'Day']
  return [path, ...columns, '--text', 'What', ...options]
}

/** Imports a file with these lines: exit code, then what it printed. */
async function importLines(
  lines: string[],
  isDryRun = false,
  ...options: string[]
): Promise<[number, ...string[]]> {
  const { file } = parseOptions(await argumentsOf(lines, options), [])
  const printed: string[] = []
  const code = await importBankFile(ledger.sql, file, isDryRun, (line) => printed.push(line))
  return [code, ...printed]
}

/** What reconcile prints of a file with these lines. */
async function reconcile(lines: string[], isCsv: boolean, ...options: string[]): Promise<string[]> {
  const { file } = parseOptions(await argumentsOf(lines, options), [])
  let text = ''
  await reconcileBankFile(ledger.sql, file, isCsv, (part) => text += part)
  return text.trimEnd().split(/\r?\n/)
}

async function userNamed(reference: string): Promise<number> {
  const [row] = await ledger.sql<{ id: string }[]>`
    select id from create_user(reference => ${reference})`
  return Number(row!.id)
}

test('npm run import posts each line once, whatever is imported again', async () => {
  const [ann, bob] = [await userNamed('ann'), await userNamed('bob')]
  const lines = [
    '2026-11-01,A1,ann,100.00,salary',
    '2026-11-02,A1,bob,7,"a, b"',
    '2026-11-03,A2,ann,-30.50,',
  ]
  expect(await importLines(lines, true)).toEqual([
    0,
    expect.stringMatching(/^3 .* 0 .* 0 /),
  ])
  expect(await historyOf(ledger.sql, ann)).toEqual([])
  expect((await importLines(lines))[0]).toBe(0)
  expect(await historyOf(ledger.sql, ann)).toEqual(['+100.00=100.00', '-30.50=69.50'])
  // The next file begins before the last one ends, and has a line in the middle that was late.
  const next = ['2026-11-04,B1,ann,1,', ...lines.slice(1), '2026-11-02,B2,bob,2,']
  expect(await importLines(next)).toEqual([
    0,
    expect.stringMatching(/^2 posted, 2 posted earlier/),
  ])
  expect(await importLines(next)).toEqual([
    0,
    expect.stringMatching(/^0 posted, 4 posted earlier/),
  ])
  expect(await copyOf(ledger.sql, ann)).toBe('70.50 at 3')
  expect(await copyOf(ledger.sql, bob)).toBe('9.00 at 2')
  expect(await verifyLedger(ledger.sql)).toEqual([])
})

test('npm run import that was killed in the middle goes on, and posts each line once', async () => {
  const [first, last] = [await userNamed('first'), await userNamed('last')]
  const lines = Array.from(
    { length: 1500 },
    (_, n) => `2026-11-01,K${n},${n < 1000 ? 'first' : 'last'},1,`,
  )
  // The second part waits for a user whom somebody else holds.
  const holder = ledger.connect()
  await holder`begin`
  await holder`select from users where id = ${last} for update`
  const args = await argumentsOf(lines, [])
  const run = () => runTypeScript('db/bank/import.ts', args, { DATABASE_URL: ledger.url })
  const killed = run()
  await expect.poll(() => copyOf(ledger.sql, first)).toBe('1000.00 at 1000')
  killed.signal('SIGKILL')
  expect(await killed.ended).toBe('SIGKILL')
  await holder`rollback`
  const again = run()
  expect(await again.ended).toBe(0)
  // What the server was doing when it was killed, it may have done.
  expect(again.output()).toMatch(/^(500 posted, 1000|0 posted, 1500) posted earlier/m)
  expect(await copyOf(ledger.sql, last)).toBe('500.00 at 500')
})

test('npm run import posts nothing if any line is not as it should be', async () => {
  const carl = await userNamed('carl')
  const [code, ...output] = await importLines([
    '2026-11-01,C1,carl,1,',
    '2026-11-01,C2,nobody,1,',
    '2026-11-01,C1,carl,1,',
    '2026-11-01,C3,carl,1.001,',
    '01.11.2026,C4,carl,1,',
  ])
  expect(code).toBe(1)
  expect(output.map((line) => line.split(':')[0])).toEqual([
    'line 3',
    'line 4',
    'line 5',
    'line 6',
    expect.stringContaining('4 named'),
  ])
  expect(await historyOf(ledger.sql, carl)).toEqual([])
})

test('npm run import names what the ledger refuses, and posts it when it is possible', async () => {
  const dora = await userNamed('dora')
  const lines = ['2026-11-01,D1,dora,10,', '2026-11-01,D2,dora,-25,', '2026-11-01,D3,dora,5,']
  const [code, refused] = await importLines(lines)
  expect([code, refused]).toEqual([1, expect.stringMatching(/^line 3: DEBIT 25/)])
  expect(await copyOf(ledger.sql, dora)).toBe('15.00 at 2')
  await ledger.sql`select credit_user(${dora}, 10)`
  expect((await importLines(lines))[0]).toBe(0)
  expect(await copyOf(ledger.sql, dora)).toBe('0.00 at 4')
})

test('npm run import posts nothing if a line says something else than it did', async () => {
  const emil = await userNamed('emil')
  expect((await importLines(['2026-11-01,E1,emil,10,']))[0]).toBe(0)
  const [code, named] = await importLines(['2026-11-01,E1,emil,11,', '2026-11-01,E2,emil,1,'])
  expect([code, named]).toEqual([1, expect.stringMatching(/^line 2: /)])
  expect(await copyOf(ledger.sql, emil)).toBe('10.00 at 1')
})

test('npm run reconcile finds what is missing on either side, differs, or was reversed', async () => {
  const fay = await userNamed('fay')
  const source = ['--source', 'recon']
  const lines = [1, 2, 3, 4].map((n) => `2026-11-0${n},F${n},fay,${n}0.00,`)
  expect((await importLines([...lines, '2026-10-31,F0,fay,5,'], false, ...source))[0]).toBe(0)
  // Without the day before, of which the file says nothing.
  expect(await reconcile(lines, false, ...source)).toEqual(['no differences'])
  await ledger.sql`select reverse_entry(${fay}, 4)`
  const changed = [
    lines[0]!,
    '2026-11-02,F2,fay,-20,',
    lines[3]!,
    '2026-11-04,F5,fay,5,',
    'x,F6,fay,1,',
  ]
  expect(await reconcile(changed, true, ...source)).toEqual([
    'difference,line,user,key,bank,ledger,seq',
    expect.stringMatching(/^invalid,6,,,/),
    `differs,3,${fay},recon:F2,-20,20.00,2`,
    `reversed,4,${fay},recon:F4,40.00,40.00,6`,
    `not_in_ledger,5,${fay},recon:F5,5,,`,
    `not_in_file,,${fay},recon:F3,,30.00,3`,
  ])
  expect((await reconcile(changed, false, ...source)).at(-1)).toBe('5 differences')
})

test('npm run import and npm run reconcile end with what they found, and say it', async () => {
  const gus = await userNamed('gus')
  const run = async (command: string, lines: string[], ...options: string[]) => {
    const args = await argumentsOf(lines, options)
    const process = runTypeScript(`db/bank/${command}.ts`, args, { DATABASE_URL: ledger.url })
    return [await process.ended, process.output().trimEnd()]
  }
  const line = '2026-12-01,G1,gus,3,'
  expect(await run('import', [line])).toEqual([0, expect.stringMatching(/^1 posted/)])
  expect(await run('import', [line, '2026-12-01,G2,gus,x,'], '--dry-run'))
    .toEqual([1, expect.stringMatching(/^line 3: /)])
  expect(await run('reconcile', [line])).toEqual([0, 'no differences'])
  expect((await run('reconcile', ['2026-12-01,G3,gus,3,']))[0]).toBe(1)
  expect((await run('import', [line], '--amount', 'Missing'))[0]).toBe(2)
  expect(await copyOf(ledger.sql, gus)).toBe('3.00 at 1')
})
