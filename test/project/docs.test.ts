/** The pages for strangers: what they name is there, and what there is they name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { RULES } from '../../src/auth/scopes.ts'
import { useHttp } from '../support/http.ts'
import { MAX_DATABASE_CONNECTIONS } from '../../src/pools.ts'

const http = useHttp()
const read = (file: string) => readFileSync(file, 'utf8')
const PAGES = ['.', 'db', 'docs', 'docs/how-to', 'docs/reference', 'docs/explanation', 'test/bench']
  .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.md'))

/** As GitHub makes them of headings. */
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.+)$/gm)]
    .map(([, title]) => title!.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'))

test.each(PAGES)('%s has no link that leads nowhere', (page) => {
  for (const [, link] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [path, anchor] = link!.split('#') as [string, string?]
    const target = path ? join(dirname(page), path) : page
    expect(existsSync(target), link).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor)
  }
})

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const { tasks } = JSON.parse(read('deno.json')) as { tasks: Record<string, string> }

test.each(PAGES)('%s names only commands, tests and settings that exist', (page) => {
  const text = read(page)
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!)
  for (const name of all(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name)
  for (const name of all(/deno task ([\w:]+)/g)) expect(Object.keys(tasks)).toContain(name)
  const tests = all(/npx vitest run ([^`\n]+)/g).flatMap((list) => list.split(' '))
    .concat(all(/`(test\/[\w./]+\.test\.ts)`/g))
  for (const file of tests) expect(existsSync(file), file).toBe(true)
})

test('README.md has the command that shows each guarantee, and at most 100 lines', () => {
  const text = read('README.md')
  const rows = text.split('## What it guarantees')[1]!.split('\n').filter((line) =>
    /^\| \w/.test(line)
  )
  expect(rows.length).toBeGreaterThan(5)
  for (const row of rows.slice(1)) expect(row).toMatch(/\| `npm? ?(run|x vitest run) .+` \|$/)
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(100)
})

test('a page of docs is led to by another one', () => {
  const links = new Set(
    PAGES.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link]) =>
        join(dirname(page), link!)
      )
    ),
  )
  for (const page of PAGES.filter((path) => path.startsWith('docs/'))) {
    expect([...links], page).toContain(page)
  }
})

test('settings.md has each setting with the default of .env.example', () => {
  const page = read('docs/reference/settings.md')
  for (const [, name, value] of read('.env.example').matchAll(/^#([A-Z_]+)=(.*)$/gm)) {
    expect(page).toContain(`| \`${name}\` | ${value ? `\`${value}\`` : 'unset'} |`)
  }
})

test('http.md has each route', () => {
  const page = read('docs/reference/http.md')
  for (const route of Object.keys(RULES)) {
    const [method, path] = route.split(' ') as [string, string]
    // Several paths may share a method.
    expect(page.includes(`\`${route}`) || page.includes(`${method} `) && page.includes(`${path}\``))
      .toBe(true)
  }
})

test('sql.md has each function for people and each SQLSTATE that they raise', async () => {
  const page = read('docs/reference/sql.md')
  const functions = await http.sql<{ name: string }[]>`
    select p.proname as name from pg_proc p where p.pronamespace = 'public'::regnamespace`
  for (const { name } of functions) expect(page).toContain(`\`${name}(`)
  const states = read('db/functions/engine/raise_status.sql').matchAll(/when '(\w{5})'/g)
  for (const [, state] of states) expect(page).toContain(`| \`${state}\` |`)
})

/**
 * The metrics of a page or a scrape: name, type, labels. Those of prom-client itself are left out.
 */
const metricsOf = (rows: [name: string, type: string, labels: string[]][]) =>
  rows.filter(([name]) => !/^(process|nodejs)_/.test(name)).map(([name, type, labels]) =>
    `${name} ${type} ${labels.toSorted().join()}`
  ).toSorted()

test('metrics.md has each metric of a scrape, with its type and labels', async () => {
  const service = http.service.url
  await fetch(`${service}/users/1`)
  const scrape = await (await fetch(`${service}/metrics`)).text()
  const scraped = [...scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => {
    const series = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, 'm').exec(scrape)?.[1] ?? ''
    const labels = [...series.matchAll(/(\w+)="/g)].map(([, label]) => label!)
    return [name!, type!, labels.filter((label) => label !== 'le')] as const
  })
  const page = read('docs/reference/metrics.md')
  const written = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|(.*?)\|/gm)].map((
    [, name, type, labels],
  ) => [name!, type!, [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!)] as const)
  expect(metricsOf(written.map((row) => [...row]))).toEqual(
    metricsOf(scraped.map((row) => [...row])),
  )

  const reasons = [...scrape.matchAll(/^access_refusals_total\{reason="(\w+)"/gm)]
  expect(reasons.length).toBeGreaterThan(0)
  for (const [, reason] of reasons) expect(page).toContain(`\`${reason}\``)
})

test('verification.md has each finding that there is', () => {
  const page = read('docs/reference/verification.md')
  const folders = ['db/functions/verify', 'db/functions/api']
  const sources = folders.flatMap((folder) =>
    readdirSync(folder).map((file) => `${folder}/${file}`)
  )
    .concat('db/verify.ts', 'db/anchors.ts').map(read).join('\n')
  // The first member of a row of findings, or what a function that looks at one row answers.
  const findings = new Set(
    [...sources.matchAll(/(?:row\(|return |then |else )'([a-z]+_[a-z_]+)'|'(anchor_\w+)'/g)]
      .map(([, sql, typeScript]) => sql ?? typeScript!),
  )
  expect(findings.size).toBeGreaterThan(10)
  for (const finding of findings) expect(page).toContain(`\`${finding}\``)
})

const VERIFIERS = ['verify_statement.py', 'verify_hashes.py']

/** The exit code of each. */
const verifyWith = (userId: number, lines: string[]) =>
  VERIFIERS.map((name) => {
    const input = lines.map((line) => `${line}\n`).join('')
    const args = [`docs/reference/${name}`, String(userId)]
    return spawnSync('python3', args, { input }).status
  })

test('verify_hashes.py has 40 lines', () => {
  expect(read('docs/reference/verify_hashes.py').trimEnd().split('\n')).toHaveLength(40)
})

test('both verifiers prove what the ledger posted, and find what was changed', async ({ skip }) => {
  if (spawnSync('python3', ['--version']).status !== 0) skip('python3 is not installed')
  const { sql } = http
  const [id, peer] = [await http.user('1000.00'), await http.user()] as const
  const metadata = String.raw`{"é💶": 1.10, "a": [1e30, "\u2028\n", {"transfer": {"seq": 9}}]}`
  await sql`select debit_user(${id}, 0.01, 'k"metadata":{1', ${metadata}::text::jsonb)`
  await sql`select transfer(${id}, ${peer}, 100.50, 't', '{}')`
  await sql`select place_hold(${id}, 60)`
  await sql`select credit_user(${id}, 9999999999.99)`
  await sql`select capture_hold(${id}, 1, 12.34)`
  await sql`select reverse_entry(${id}, 2)`
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${id}, 'DEBIT', 9999999999.99, '0850-01-01'), (${id}, 'DEBIT', 10000, '1999-12-31')`
  await sql`select recalculate_balance(${id})`

  const response = await fetch(`${http.service.url}/users/${id}/history`, {
    headers: { Accept: 'application/x-ndjson' },
  })
  const lines = (await response.text()).trimEnd().split('\n')
  expect(lines).toHaveLength(10)
  expect(verifyWith(id, lines)).toEqual([0, 0])

  const changes = [['1.10', '1.1'], ['"amount":"0.01"', '"amount":"0.02"'], [
    '"held":"60.00"',
    '"held":"6.00"',
  ]]
  for (const [from, to] of changes) {
    const at = lines.findIndex((line) => line.includes(from!))
    expect(verifyWith(id, lines.with(at, lines[at]!.replace(from!, to!)))).toEqual([1, 1])
  }
  expect(verifyWith(id, lines.toSpliced(3, 1))).toEqual([1, 1])
  expect(verifyWith(id, lines.toSpliced(-2, 1))).toEqual([1, 1])
  expect(verifyWith(id, lines.slice(0, -1))).toEqual([1, 1])
  expect(verifyWith(peer, lines)).toEqual([1, 1])
})

test('settings.md says how many connections an instance opens', () => {
  const page = read('docs/reference/settings.md').replaceAll(/\s+/g, ' ')
  expect(page).toContain(`An instance opens at most ${MAX_DATABASE_CONNECTIONS} connections:`)
  const [, parts] = /opens at most \d+ connections: ([^.]+)\./.exec(page)!
  const sum = [...parts!.matchAll(/\d+/g)].reduce((total, [n]) => total + Number(n), 0)
  expect(sum).toBe(MAX_DATABASE_CONNECTIONS)
  // Two instances, and a third that starts before one of them stops.
  const deploying = read('docs/how-to/deploy.md')
  expect(deploying).toContain(`connection limit ${3 * MAX_DATABASE_CONNECTIONS}`)
})
