/**
 * A PostgreSQL with a certificate for `localhost`, from an authority made for the occasion. What
 * libpq would refuse is refused, and nothing is ever sent in the clear to who should have had TLS.
 */
import { execFileSync } from 'node:child_process'
import { chmod, chown, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createDatabase, type Database } from '../../src/database/database.ts'
import { databaseTarget } from '../../src/config/database_tls.ts'
import type { EmbeddedPostgres } from '../../dev/embedded_postgres.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { newCluster, startServer } from '../support/servers.ts'
import { serve } from '../support/service.ts'

let folder: string
let server: EmbeddedPostgres
let admin: postgres.Sql

const inFolder = (name: string) => join(folder, name)
const openssl = (args: string) =>
  execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'pipe' })
const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
})()

const NEW_KEY = 'req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'

function makeAuthority(name: string): void {
  openssl(`${NEW_KEY} -x509 -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`)
}

/** A certificate for `localhost`, and for no address. */
async function makeCertificate(): Promise<void> {
  openssl(`${NEW_KEY} -subj /CN=localhost -keyout server.key -out server.csr`)
  await writeFile(inFolder('names'), 'subjectAltName=DNS:localhost\n')
  const authority = '-CA ca.crt -CAkey ca.key -CAcreateserial -extfile names'
  openssl(`x509 -req -in server.csr ${authority} -days 2 -out server.crt`)
}

beforeAll(async () => {
  if (!hasOpenssl) return
  folder = await mkdtemp(join(tmpdir(), 'ledger-tls-'))
  makeAuthority('ca')
  makeAuthority('other')
  await makeCertificate()
  server = await startServer(await newCluster('tls'))
  admin = postgres(server.url, { max: 1, onnotice: () => {} })
  const [row] = await admin<{ data: string }[]>`select setting as data from pg_settings
    where name = 'data_directory'`
  const { uid, gid } = await stat(row!.data)
  for (const name of ['server.key', 'server.crt']) {
    const path = join(row!.data, name)
    await copyFile(inFolder(name), path)
    await chmod(path, 0o600)
    await chown(path, uid, gid)
  }
  await admin`alter system set ssl = on`
  await admin`select pg_reload_conf()`
})

afterAll(async () => {
  if (!hasOpenssl) return
  await admin.end()
  await server.stop()
  for (const made of [folder, server.dataDir]) await rm(made, { recursive: true, force: true })
})

/** The server's URL under another host, with these settings. */
function urlOf(host: string, settings: Record<string, string>, database = 'postgres'): string {
  const url = new URL(`/${database}`, server.url)
  url.hostname = host
  for (const [name, value] of Object.entries(settings)) {
    url.searchParams.set(
      name,
      name === 'sslrootcert' && value !== 'system' ? inFolder(value) : value,
    )
  }
  return url.href
}

const readText = (path: string) => readFileSync(path, 'utf8')

/** Whether the connection is encrypted; or `refused`. */
async function tls(url: string): Promise<boolean | 'refused'> {
  const database: Database = createDatabase({ ...databaseTarget(url, readText), max: 1 })
  try {
    const [row] = await database.run((sql) =>
      sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    )
    return row!.ssl
  } catch {
    return 'refused'
  } finally {
    await database.end()
  }
}

describe.skipIf(!hasOpenssl)('against a PostgreSQL with TLS (needs openssl)', () => {
  test.each<[string, Record<string, string>, boolean | 'refused']>([
    ['localhost', {}, false],
    ['localhost', { sslmode: 'disable' }, false],
    ['localhost', { sslmode: 'prefer' }, true],
    ['localhost', { sslmode: 'require' }, true],
    ['127.0.0.1', { sslmode: 'require' }, true],
    ['localhost', { sslmode: 'require', sslrootcert: 'ca.crt' }, true],
    ['127.0.0.1', { sslmode: 'require', sslrootcert: 'ca.crt' }, true],
    ['localhost', { sslmode: 'require', sslrootcert: 'other.crt' }, 'refused'],
    ['localhost', { sslmode: 'verify-ca', sslrootcert: 'ca.crt' }, true],
    ['127.0.0.1', { sslmode: 'verify-ca', sslrootcert: 'ca.crt' }, true],
    ['localhost', { sslmode: 'verify-ca', sslrootcert: 'other.crt' }, 'refused'],
    ['localhost', { sslmode: 'verify-full', sslrootcert: 'ca.crt' }, true],
    ['127.0.0.1', { sslmode: 'verify-full', sslrootcert: 'ca.crt' }, 'refused'],
    ['localhost', { sslmode: 'verify-full', sslrootcert: 'other.crt' }, 'refused'],
    ['localhost', { sslmode: 'verify-full' }, 'refused'],
    ['localhost', { sslrootcert: 'system' }, 'refused'],
  ])('%s with %j: %s', async (host, settings, expected) => {
    expect(await tls(urlOf(host, settings))).toBe(expected)
  })

  test('migrations, the service and verification use it, and refuse a wrong authority', async () => {
    const verified = { sslmode: 'verify-full', sslrootcert: 'ca.crt' }
    const wrong = { ...verified, sslrootcert: 'other.crt' }
    await expect(migrate(urlOf('localhost', wrong, 'ledger'))).rejects.toThrow(/certificate/)
    await migrate(urlOf('localhost', verified, 'ledger'))

    const settings = { LOG_LEVEL: 'silent', DATABASE_URL: urlOf('localhost', verified, 'ledger') }
    const service = await serve({ ...loadConfig(settings), port: 0 })
    const plain = await admin`
      select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid)
       where a.application_name = 'ledger'`
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    expect(new Set(plain.map((row) => row['ssl'] as boolean))).toEqual(new Set([true]))
    await service.stop()

    const good = runTypeScript('db/verify.ts', [], settings)
    expect([await good.ended, good.output()]).toEqual([0, expect.any(String)])
    const bad = runTypeScript('db/verify.ts', [], {
      DATABASE_URL: urlOf('localhost', wrong, 'ledger'),
    })
    expect(await bad.ended).toBe(2)
  })
})

test('whoever has no TLS gets nothing in the clear', async () => {
  const received: Uint8Array[] = []
  const fake = createServer((socket) => {
    socket.on('error', () => {})
    // The first word is a question for TLS; the answer is no.
    socket.once('data', () => {
      socket.write('N')
      socket.on('data', (data) => void received.push(data))
    })
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  const { port } = fake.address() as AddressInfo
  const url = `postgres://alice:secret-word@127.0.0.1:${port}/ledger?sslmode=require`
  expect(await tls(url)).toBe('refused')
  const text = received.map((data) => new TextDecoder('latin1').decode(data)).join('')
  expect(text).not.toMatch(/alice|secret|ledger/)
  await new Promise((resolve) => fake.close(resolve))
})
