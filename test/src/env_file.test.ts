import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { SETTINGS } from '../../src/config/config.ts'
import { loadEnvFile } from '../../src/env_file.ts'

const folder = mkdtempSync(join(tmpdir(), 'ledger-env-'))
const path = join(folder, '.env')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the environment is after the file was read, and what it warned of. */
function load(text: string | Uint8Array, env: Record<string, string | undefined> = {}) {
  writeFileSync(path, text)
  const warnings: string[] = []
  loadEnvFile({ path, env, warn: (line) => warnings.push(line.replace(path, '.env')) })
  return { env, warnings }
}

describe('loadEnvFile()', () => {
  test('takes what the environment does not have', () => {
    const text = '# a comment\nPORT=1\nexport HOST=localhost\n\nLOG_LEVEL="warn"\n'
    expect(load(text, { PORT: '2' })).toEqual({
      env: { PORT: '2', HOST: 'localhost', LOG_LEVEL: 'warn' },
      warnings: [],
    })
  })

  test('takes the first setting behind a byte order mark', () => {
    expect(load('\ufeffACCESS_TOKENS_FILE=tokens.json\r\nPORT=1\r\n')).toEqual({
      env: { ACCESS_TOKENS_FILE: 'tokens.json', PORT: '1' },
      warnings: [],
    })
  })

  test('takes no pipe, to which nobody might ever write', () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(() => loadEnvFile({ path: pipe, env: {} })).toThrow(/can't be read \(ENOTFILE\)$/)
  })

  test('takes the last of a name that is there twice, as shells and Docker do, and warns', () => {
    const text = 'PORT=1\nHOST=localhost\nPORT=2\nexport PORT=3\n'
    const warnings = [3, 4].map((n) => `Warning: PORT in .env is there twice: line ${n} counts`)
    expect(load(text)).toEqual({ env: { PORT: '3', HOST: 'localhost' }, warnings })
    expect(load(text, { PORT: '9' }).env).toEqual({ PORT: '9', HOST: 'localhost' })
  })

  test('needs no file', () => {
    rmSync(path, { force: true })
    expect(() => loadEnvFile({ path, env: {} })).not.toThrow()
  })

  test('ends with one line for a file that is no text in UTF-8, or no file', () => {
    const utf16 = Buffer.from('\ufeffPORT=1\n', 'utf16le')
    expect(() => load(utf16)).toThrow(/^\S+ must be in UTF-8$/)
    mkdirSync(`${path}.d`)
    expect(() => loadEnvFile({ path: `${path}.d`, env: {} })).toThrow(/^\S+ can't be read \(\w+\)$/)
  })

  test.each([
    ['ACCESS_TOKEN_FILE', 'ACCESS_TOKENS_FILE'],
    ['access_tokens_file', 'ACCESS_TOKENS_FILE'],
    ['ACCESS_TOKNES_FILE', 'ACCESS_TOKENS_FILE'],
    ['JWT_SECRETS', 'JWT_SECRET'],
    ['DATABASE_ULR', 'DATABASE_URL'],
    ['PROT', 'PORT'],
    ['RATELIMIT', 'RATE_LIMIT'],
    ['POSTGRES_PASSWRD', 'POSTGRES_PASSWORD'],
  ])('warns of %s, which is no setting, and names %s', (name, likely) => {
    expect(load(`${name}=secret\n`).warnings)
      .toEqual([`Warning: ${name} in .env is no setting: did you mean ${likely}?`])
  })

  test('warns of what is like no setting, and of lines that are not read', () => {
    expect(load('DBMATE_MIGRATIONS_TABLE=x\nPORT 3000\nHOST: localhost\nMAX_QUEUE=1\n')).toEqual({
      env: { DBMATE_MIGRATIONS_TABLE: 'x', MAX_QUEUE: '1' },
      warnings: [
        'Warning: DBMATE_MIGRATIONS_TABLE in .env is no setting',
        'Warning: line 2 of .env is not read: it must be NAME=value or a comment',
        'Warning: line 3 of .env is not read: it must be NAME=value or a comment',
      ],
    })
  })

  test('takes quoted values of several lines for one, and shows none of it', () => {
    const text = `LOG_LEVEL='warn\nFOO_KEY="-----BEGIN\nMIIEsecret=\nsecret\n-----END"\nPORT=1\n`
    expect(load(text)).toEqual({
      env: { LOG_LEVEL: "'warn", FOO_KEY: '-----BEGIN\nMIIEsecret=\nsecret\n-----END', PORT: '1' },
      warnings: ['Warning: FOO_KEY in .env is no setting'],
    })
  })

  test('warns of no setting, nor of what Compose reads from the same file', () => {
    const compose = [...readFileSync('docker-compose.yml', 'utf8').matchAll(/\$\{(\w+)/g)]
      .map(([, name]) => name!)
    expect(compose).not.toEqual([])
    const names = new Set([...SETTINGS, ...compose, 'ANCHOR_KEY_FILE', 'COMPOSE_PROJECT_NAME'])
    expect(load([...names].map((name) => `${name}=1\n`).join('')).warnings).toEqual([])
  })

  test('warns of the environment where a name is nearly a setting, and of nobody else’s', () => {
    const foreign = { HOSTNAME: 'x', HOSTS: 'x', PORTS: 'x', LOGNAME: 'x', XDG_DATA_DIRS: 'x' }
    expect(load('', { ...foreign, ACCESS_TOKEN_FILE: 'secret', ACCESS_LOG: 'on' }).warnings)
      .toEqual(['Warning: ACCESS_TOKEN_FILE is no setting: did you mean ACCESS_TOKENS_FILE?'])
  })
})
