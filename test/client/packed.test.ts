/** The client as others get it: from a tarball, in an empty folder, on every runtime. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Proxy, startProxy } from '../faults/proxy.ts'
import { useHttp } from '../support/http.ts'
import { PROJECT } from '../support/run_typescript.ts'
import { workerdMissing } from '../support/workerd.ts'
import {
  type Calls,
  callsInPage,
  callsInWebWorker,
  callsInWorkerd,
  chromiumMissing,
} from './runtimes.ts'

/** Of a page: browsers count the first as safe, and the other one not. */
const [SAFE, UNSAFE] = ['http://shop.localhost', 'http://shop.example']
const http = useHttp({ corsOrigins: [SAFE, UNSAFE] })
const run = promisify(execFile)
const tsc = join(PROJECT, 'node_modules/.bin/tsc')
const RUNTIMES: [string, string, string[]][] = [
  ['Node', 'node', []],
  ['Deno', join(PROJECT, 'node_modules/.bin/deno'), ['run', '--allow-net', '--allow-env']],
]
const DEBITS = 20

/** Debits, of which the network may lose any answer; and then all that can be read. */
const CALLS = `
import { createLedgerClient, InsufficientFundsError, StatementError } from 'ledger/client'
export async function calls(url: string, id: number): Promise<unknown> {
  const ledger = createLedgerClient({ url })
  for (let n = 0; n < ${DEBITS}; n++) await ledger.debitUser(id, { amount: '1.00' })
  const refused = await ledger.debitUser(id, { amount: '100.00' })
    .catch((error: unknown) => error)
  const shortfall = refused instanceof InsufficientFundsError && refused.problem.shortfall
  const paged: number[] = []
  for await (const { seq } of ledger.eachEntry(id, { limit: 7 })) paged.push(seq)
  const proved: number[] = []
  try {
    for await (const line of ledger.statement(id)) {
      if ('proved' in line && line.proved) proved.push(line.seq)
    }
  } catch (error) {
    if (!(error instanceof StatementError)) throw error
  }
  const followed: number[] = []
  for await (const event of ledger.events({ user: id })) {
    if (event.type === 'entry.posted') followed.push(event.data.seq)
    if (followed.length > ${DEBITS}) break
  }
  return { shortfall, paged, proved, followed }
}
`
const PRINTING = `
import { calls } from './calls.js'
const [url, id] = JSON.parse(process.env['LEDGER']!) as [string, number]
console.log(JSON.stringify(await calls(url, id)))
`

const page = readFileSync(join(PROJECT, 'docs/how-to/client.md'), 'utf8')
const [, example, , output] = /```ts\n([^]*?)```\n([^]*?)```\n([^]*?)```/.exec(page)!

let folder: string
let proxy: Proxy

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-client-'))
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: PROJECT,
  })
  const target = join(folder, 'node_modules/ledger')
  await mkdir(target, { recursive: true })
  const tarball = join(folder, stdout.trim().split('\n').at(-1)!)
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', target])
  const url = http.service.url
  const files = {
    'package.json': { type: 'module', dependencies: { ledger: '0.1.0' } },
    'tsconfig.json': {
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        target: 'es2022',
        module: 'nodenext',
        lib: ['es2022', 'dom'],
        types: [],
      },
    },
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content))
  }
  await writeFile(
    join(folder, 'process.d.ts'),
    'declare const process: { env: Record<string, string> }',
  )
  await writeFile(join(folder, 'calls.ts'), CALLS)
  await writeFile(join(folder, 'printing.ts'), PRINTING)
  await writeFile(join(folder, 'example.ts'), example!.replace('http://127.0.0.1:3000', url))
  // Strict, and no other errors.
  await run(tsc, ['-p', folder])
  proxy = await startProxy(Number(new URL(url).port), 'POST /users')
})

afterAll(async () => {
  await proxy.close()
  await rm(folder, { recursive: true, force: true })
})

test('the tarball has the client and nothing of the server', async () => {
  const { stdout } = await run('find', ['node_modules/ledger', '-type', 'f'], { cwd: folder })
  const files = stdout.trim().split('\n').map((file) => file.replace('node_modules/ledger/', ''))
  const others = files.filter((file) => !file.startsWith('dist/client/'))
  expect(others.sort()).toEqual(['LICENSE', 'README.md', 'docs/how-to/client.md', 'package.json'])
  const imports = await run('grep', ['-rhoE', 'from [\'"][^\'"]+', 'node_modules/ledger/dist'], {
    cwd: folder,
  })
  expect(imports.stdout.match(/from ['"](?!\.\/)/g)).toBeNull()
})

test('TypeScript refuses what the API refuses', async () => {
  await writeFile(
    join(folder, 'wrong.ts'),
    "import { createLedgerClient } from 'ledger/client'\n" +
      "await createLedgerClient({ url: '' }).debitUser(1, { amonut: '1' })\n",
  )
  const failed = await run(tsc, ['-p', folder, '--noEmit']).catch((error: { stdout: string }) =>
    error
  )
  await rm(join(folder, 'wrong.ts'))
  expect(failed.stdout).toContain('amonut')
})

test.each(RUNTIMES)(
  'on %s, the example of the page prints what the page says',
  async (name, ...command) => {
    const text = readFileSync(join(folder, 'example.js'), 'utf8')
    const file = `example_${name}.js`
    await writeFile(join(folder, file), text.replaceAll(/customer-17|order-17/g, `$&-${name}`))
    const [program, args] = command
    const { stdout } = await run(program, [...args, file], { cwd: folder })
    expect(stdout).toBe(output)
  },
)

const printed = (program: string, args: string[]): Calls => async (...given) => {
  const env = { ...process.env, LEDGER: JSON.stringify(given) }
  const { stdout } = await run(program, [...args, 'printing.js'], { cwd: folder, env })
  return JSON.parse(stdout)
}

const EVERYWHERE: [string, Calls, missing: string | undefined][] = [
  ...RUNTIMES.map(([name, ...command]): [string, Calls, undefined] => [
    name,
    printed(...command),
    undefined,
  ]),
  ['a page', (...given) => callsInPage(folder, SAFE, ...given), chromiumMissing],
  ['a Web Worker', (...given) => callsInWebWorker(folder, SAFE, ...given), chromiumMissing],
  ['workerd', (...given) => callsInWorkerd(folder, ...given), workerdMissing],
]

/** Calls through a network that loses an answer, and then some more and some requests. */
async function withLosses(calls: Calls, id: number): Promise<unknown> {
  const before = proxy.counts['cut answers']
  let turn = 0
  proxy.weather({ kind: 'cut answers' })
  const weather = setInterval(() => {
    const kinds = ['fair', 'cut requests', 'fair', 'cut answers'] as const
    if (proxy.counts['cut answers'] > before) proxy.weather({ kind: kinds[turn++ % kinds.length]! })
  }, 30)
  try {
    return await calls(`http://127.0.0.1:${proxy.port}`, id)
  } finally {
    clearInterval(weather)
    proxy.weather({ kind: 'fair' })
  }
}

const SEQS = Array.from({ length: DEBITS + 1 }, (_, i) => i + 1)
const READ = { shortfall: '20.00', paged: SEQS.toReversed(), proved: SEQS, followed: SEQS }

const debitsOf = async (id: number) =>
  await http.sql`
    select count(*)::int as entries, count(distinct idempotency_key)::int as keys,
           min(balance)::text
      from payment_history where user_id = ${id} and action = 'DEBIT'`

test.for(EVERYWHERE)(
  'on %s, what a network loses is done once, and all of it is read and proved',
  async ([, calls, missing], { skip }) => {
    if (missing) skip(missing)
    const id = await http.user('100')
    expect(await withLosses(calls, id)).toEqual(READ)
    expect(await debitsOf(id)).toEqual([{ entries: DEBITS, keys: DEBITS, min: '80.00' }])
  },
)

test('a page that did not come by https has keys, but can not prove a statement', async ({ skip }) => {
  if (chromiumMissing) skip(chromiumMissing)
  const id = await http.user('100')
  const read = await callsInPage(folder, UNSAFE, http.service.url, id)
  expect(read).toEqual({ ...READ, proved: [] })
  expect(await debitsOf(id)).toEqual([{ entries: DEBITS, keys: DEBITS, min: '80.00' }])
})
