import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { processCommand } from '../../dev/processes.ts'
import { type Run, run, runTypeScript, typeScriptCommand } from '../support/run_typescript.ts'
import { sample } from '../support/share.ts'

let folder: string
let runs: Run[]

beforeEach(async () => {
  runs = []
  folder = await mkdtemp(join(inject('serversFolder'), 'start-'))
  // mkdtemp() lets nobody else in, and as root PostgreSQL is somebody else.
  await chmod(folder, 0o755)
})
afterEach(async () => {
  for (const each of runs) {
    each.signal('SIGTERM')
    await each.ended
  }
  await rm(folder, { recursive: true, force: true })
})

/** Empty settings keep out those of an `.env` in the project. */
const settings = () => ({
  PORT: '0',
  HOST: '127.0.0.1',
  DATA_DIR: folder,
  DATABASE_URL: '',
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
})

function start(env: Record<string, string> = {}): Run {
  const started = runTypeScript('dev/start.ts', [], { ...settings(), ...env })
  runs.push(started)
  return started
}

interface Ready {
  url: string
  psqlUrl: string
  postgresPid: number
}

async function ready(started: Run): Promise<Ready> {
  const url = (await started.line(/http:\/\/127\.0\.0\.1:\d+/))[0]
  const psqlUrl = (await started.line(/^psql (postgres:\S+)$/m))[1]!
  const sql = postgres(psqlUrl, { max: 1 })
  const [row] = await sql`select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int as pid`
  await sql.end()
  return { url, psqlUrl, postgresPid: row!['pid'] as number }
}

const post = async (url: string, body: unknown) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return await answer.json() as { id: number; balance: string }
}

test('npm start answers, gives the owner psql, and SIGINT stops all of it', async () => {
  const started = start()
  const { url, psqlUrl, postgresPid } = await ready(started)
  const answer = await fetch(`${url}/livez`)
  await answer.body?.cancel()
  expect(answer.status).toBe(200)

  const sql = postgres(psqlUrl, { max: 1 })
  expect(
    await sql`select current_database(), pg_get_userbyid(datdba) = current_user
    from pg_database where datname = current_database()`.values(),
  ).toEqual([['ledger', true]])
  expect(
    await sql`select count(*)::int from pg_stat_activity
    where usename not in ('ledger_service', current_user)`.values(),
  ).toEqual([[0]])
  await sql.end()

  // npm passes on what the terminal has sent already.
  started.signal('SIGINT')
  started.signal('SIGINT')
  expect([await started.ended, started.output()]).toEqual([0, expect.not.stringMatching(/error/i)])
  expect(await processCommand(postgresPid)).toBe('')
})

test(
  'a debit outlives kill -9 of the launcher, and any password that is kept will do',
  async () => {
    const first = start()
    const before = await ready(first)
    const { id } = await post(`${before.url}/users`, {})
    await post(`${before.url}/users/${id}/credit`, { amount: 1000 })
    expect(await post(`${before.url}/users/${id}/debit`, { amount: 100 }))
      .toMatchObject({ balance: '900.00' })
    first.signal('SIGKILL')
    await first.ended
    await writeFile(join(folder, 'postgres', 'service_password'), `it's 100%25 "odd" \\ $$ /@:?#\n`)

    const after = await ready(start())
    expect(await processCommand(before.postgresPid)).toBe('')
    const answer = await fetch(`${after.url}/users/${id}`)
    expect(await answer.json()).toMatchObject({ id, balance: '900.00' })
  },
)

test('a PostgreSQL that is killed is started again, and nothing is lost', async () => {
  const started = start()
  const { url, postgresPid } = await ready(started)
  const { id } = await post(`${url}/users`, {})
  await post(`${url}/users/${id}/credit`, { amount: 7 })
  process.kill(postgresPid, 'SIGKILL')
  await started.line(/PostgreSQL has ended/)
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)
  expect(await post(`${url}/users/${id}/debit`, { amount: 1 })).toMatchObject({ balance: '6.00' })
  const { postgresPid: last } = await ready(started)
  started.signal('SIGINT')
  expect(await started.ended).toBe(0)
  expect(await processCommand(last)).toBe('')
})

test('it stops by itself when its parent is killed', async () => {
  const command = ['/bin/sh', '-c', '"$@" & wait', 'sh', ...typeScriptCommand('dev/start.ts')]
  const started = run(command, settings())
  const { postgresPid } = await ready(started)
  started.signal('SIGKILL')
  // Its output closes when the launcher, too, has ended.
  expect(await started.ended).toBe('SIGKILL')
  expect(await processCommand(postgresPid)).toBe('')
})

test('a signal while it starts leaves nothing running', async () => {
  const started = start()
  const lock = join(folder, 'postgres', 'lock')
  await vi.waitUntil(() => stat(lock).then(() => true, () => false))
  started.signal('SIGTERM')
  expect(await started.ended).toBe(0)
  const left = [lock, join(folder, 'postgres', 'data', 'postmaster.pid')]
  for (const file of left) await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test.each(sample('bad settings', [
  ['PORT', 'x'],
  ['PORT', '70000'],
  ['DATABASE_URL', 'mysql://127.0.0.1/x'],
  ['UPSTASH_REDIS_REST_URL', 'http://127.0.0.1:1'],
], 1))('%s=%s stops it with one line that names the setting', async (name, value) => {
  const started = start({ [name]: value })
  expect(await started.ended).toBe(1)
  expect(started.output()).toMatch(new RegExp(`^${name.replace('_URL', '_(URL|TOKEN)')} .+\\n$`))
})

test.each(sample('bad folders', [
  ['is a file', (path: string) => writeFile(path, '').then(() => path), /no folder/],
  [
    'is under a file',
    (path: string) => writeFile(path, '').then(() => join(path, 'x')),
    /no folder/,
  ],
  ['can never be made', () => Promise.resolve('/proc/x'), /can't be made|may not use|Requires/],
], 1))('a DATA_DIR that %s stops it with one line', async (_, make, reason) => {
  const started = start({ DATA_DIR: await make(join(folder, 'there')) })
  expect(await started.ended).toBe(1)
  expect(started.output()).toMatch(/^DATA_DIR can't be used: .+\n$/)
  expect(started.output()).toMatch(reason)
})

test.skipIf(process.getuid?.() !== 0)(
  'a DATA_DIR of another user stops it with one line (needs root)',
  async () => {
    const path = join(folder, 'locked')
    await mkdir(path, { mode: 0o700 })
    const script = `setpriv --reuid=65534 --regid=65534 --clear-groups "$@"`
    const command = ['/bin/sh', '-c', script, 'sh', ...typeScriptCommand('dev/start.ts')]
    const started = run(command, { ...settings(), DATA_DIR: path, HOME: folder })
    runs.push(started)
    expect([await started.ended, started.output()]).toEqual([
      1,
      expect.stringMatching(/^DATA_DIR can't be used: .+ may not use it \(EACCES\)\n$/),
    ])
  },
)

test('a PORT that is taken stops it before it starts anything', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const started = start({ PORT: String(port) })
  expect([await started.ended, started.output()]).toEqual([
    1,
    `PORT ${port} is in use: waiting for whoever has it to end\nPORT ${port} is in use on 127.0.0.1\n`,
  ])
  await expect(stat(join(folder, 'postgres'))).rejects.toMatchObject({ code: 'ENOENT' })
  await new Promise((resolve) => other.close(resolve))
})
