import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { type EmbeddedPostgres, startPostgres } from '../../dev/embedded_postgres.ts'
import { processCommand } from '../../dev/processes.ts'
import { runTypeScript } from '../support/run_typescript.ts'

const isRoot = process.getuid?.() === 0
const started: EmbeddedPostgres[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(inject('serversFolder'), 'embedded-'))
  // mkdtemp() lets nobody else in, and as root PostgreSQL is somebody else.
  await chmod(folder, 0o755)
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function start(options: Parameters<typeof startPostgres>[0]): Promise<EmbeddedPostgres> {
  const server = await startPostgres(options)
  started.push(server)
  return server
}

async function query(url: string, text: string): Promise<unknown[][]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text).values()
  } finally {
    await sql.end()
  }
}

test.each([16, 18] as const)('PostgreSQL %i finds its data and port again', async (version) => {
  const dataDir = join(folder, `v${version}`)
  const first = await start({ dataDir, version })
  await query(first.url, 'create table kept as select 42 as x')
  await first.stop()
  expect(await processCommand(first.pid)).toBe('')

  const second = await start({ dataDir, version })
  expect(second.port).toBe(first.port)
  expect(await query(second.url, 'select x from kept')).toEqual([[42]])
  expect(Math.floor(Number((await query(second.url, 'show server_version_num'))[0]) / 10_000))
    .toBe(version)
})

test('it loses nothing that was committed and lets in only this machine', async () => {
  const dataDir = join(folder, 'v18')
  const { url, kill } = await start({ dataDir })
  for (
    const [name, value] of [
      ['fsync', 'on'],
      ['synchronous_commit', 'on'],
      ['full_page_writes', 'on'],
      ['data_checksums', 'on'],
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
      ['server_encoding', 'UTF8'],
    ]
  ) expect([name, await query(url, `show ${name}`)]).toEqual([name, [[value]]])
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })

  await query(url, 'create table survivor as select 1 as x')
  await kill()
  const again = await start({ dataDir })
  expect(await query(again.url, 'select x from survivor')).toEqual([[1]])
})

test('the next start stops a PostgreSQL whose launcher was killed', async () => {
  const dataDir = join(folder, 'v18')
  const launcher = runTypeScript('test/dev/launch_postgres.ts', [dataDir])
  const orphan = Number((await launcher.line(/started (\d+)/))[1])
  launcher.signal('SIGKILL')
  await launcher.ended
  expect(await processCommand(orphan)).toContain(dataDir)

  const server = await start({ dataDir })
  expect(await processCommand(orphan)).toBe('')
  expect(await query(server.url, 'select 1')).toEqual([[1]])
})

test('a process that has got the id of a dead PostgreSQL is left alone', async () => {
  const dataDir = join(folder, 'v18')
  await (await start({ dataDir })).stop()
  await writeFile(join(dataDir, 'data', 'postmaster.pid'), `${process.pid}\n${dataDir}/data\n`)
  const server = await start({ dataDir })
  expect(await query(server.url, 'select 1')).toEqual([[1]])
})

test('a port that somebody else has got is replaced', async () => {
  const dataDir = join(folder, 'v18')
  const { port, stop } = await start({ dataDir })
  await stop()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
  const server = await start({ dataDir })
  expect(server.port).not.toBe(port)
  await expect(startPostgres({ dataDir: join(folder, 'v16'), version: 16, port }))
    .rejects.toThrow(/^port \d+ is taken$/)
  await new Promise((resolve) => other.close(resolve))
})

test('a second start of the same folder in this process is refused at once', async () => {
  const dataDir = join(folder, 'v18')
  await start({ dataDir })
  await expect(startPostgres({ dataDir })).rejects.toThrow(
    `DATA_DIR is in use: process ${process.pid}`,
  )
})

test('what an interrupted initdb has left is no obstacle', async () => {
  const dataDir = join(folder, 'interrupted')
  await mkdir(join(dataDir, 'data.new', 'base'), { recursive: true })
  await writeFile(join(dataDir, 'data.new', 'PG_VERSION'), '18\n')
  const server = await start({ dataDir })
  expect(await query(server.url, 'select 1')).toEqual([[1]])
})

test('data of another PostgreSQL is refused with one line', async () => {
  const dataDir = join(folder, 'old')
  const data = join(dataDir, 'data')
  await mkdir(data, { recursive: true })
  await writeFile(join(data, 'PG_VERSION'), '15\n')
  // Root owning the data would be refused for that reason.
  if (isRoot) {
    await rm(data, { recursive: true }).then(() => start({ dataDir })).then((s) => s.stop())
  }
  await writeFile(join(data, 'PG_VERSION'), '15\n')
  await expect(startPostgres({ dataDir })).rejects.toThrow(
    /^DATA_DIR: .* is of PostgreSQL 15, this is 18$/,
  )
})

test('what PostgreSQL says when it fails comes in one line', async () => {
  const error = await startPostgres({ dataDir: join(folder, 'v18'), settings: { nonsense: '1' } })
    .catch((reason: Error) => reason)
  expect((error as Error).message).toMatch(/doesn't start in .*v18: .*"nonsense"/)
  expect((error as Error).message).not.toContain('\n')
})

test.skipIf(!isRoot)('a folder that PostgreSQL cannot enter has its data elsewhere', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'ledger-closed-'))
  const dataDir = join(closed, 'postgres')
  const lines: string[] = []
  const first = await start({ dataDir, log: (line) => lines.push(line) })
  expect(dirname(first.dataDir)).toBe('/var/lib/ledger')
  expect(lines).toEqual([expect.stringContaining(first.dataDir)])
  await query(first.url, 'create table kept as select 7 as x')
  await first.stop()

  const second = await start({ dataDir })
  expect(second.dataDir).toBe(first.dataDir)
  expect(await query(second.url, 'select x from kept')).toEqual([[7]])
  await second.stop()
  expect(await readFile(join(dataDir, 'location'), 'utf8')).toBe(`${first.dataDir}\n`)
  await Promise.all([closed, first.dataDir].map((path) => rm(path, { recursive: true })))
})
