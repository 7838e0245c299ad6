/** The client as others get it: from a tarball, in an empty folder, on Node and Deno. */
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

const http = useHttp()
const run = promisify(execFile)
const RUNTIMES: [string, string, string[]][] = [
  ['Node', 'node', []],
  ['Deno', join(PROJECT, 'node_modules/.bin/deno'), ['run', '--allow-net', '--allow-env']],
]
const DEBITS = 20

/** Debits one after another; the network between may lose any answer. */
const DEBITING = `
import { createLedgerClient } from 'ledger/client'
const [url, id] = JSON.parse(process.env['LEDGER']!) as [string, number]
const ledger = createLedgerClient({ url })
for (let n = 0; n < ${DEBITS}; n++) await ledger.debitUser(id, { amount: '1.00' })
`

const page = readFileSync(join(PROJECT, 'docs/how-to/client.md'), 'utf8')
const [, example, , printed] = /```ts\n([^]*?)```\n([^]*?)```\n([^]*?)```/.exec(page)!

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
  await writeFile(join(folder, 'debiting.ts'), DEBITING)
  await writeFile(join(folder, 'example.ts'), example!.replace('http://127.0.0.1:3000', url))
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

test('strict TypeScript takes it, and refuses what the API refuses', async () => {
  const tsc = join(PROJECT, 'node_modules/.bin/tsc')
  await run(tsc, ['-p', folder])
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
    expect(stdout).toBe(printed)
  },
)

test.each(RUNTIMES)('on %s, what a network loses is done once', async (_, program, args) => {
  const id = await http.user('100')
  const LEDGER = JSON.stringify([`http://127.0.0.1:${proxy.port}`, id])
  const before = proxy.counts['cut answers']
  // Every other answer is lost, and some requests.
  let turn = 0
  const weather = setInterval(() => {
    const kinds = ['cut answers', 'fair', 'cut requests', 'fair'] as const
    proxy.weather({ kind: kinds[turn++ % kinds.length]! })
  }, 30)
  try {
    await run(program, [...args, 'debiting.js'], { cwd: folder, env: { ...process.env, LEDGER } })
  } finally {
    clearInterval(weather)
    proxy.weather({ kind: 'fair' })
  }
  expect(proxy.counts['cut answers']).toBeGreaterThan(before)
  const [row] = await http.sql`
    select count(*)::int as entries, count(distinct idempotency_key)::int as keys,
           min(balance)::text
      from payment_history where user_id = ${id} and action = 'DEBIT'`
  expect(row).toEqual({ entries: DEBITS, keys: DEBITS, min: '80.00' })
})
