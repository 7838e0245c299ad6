/** What lies in ops/, held against the tools that read it and against what is really exposed. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { connectTo } from '../support/ledger.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { startTestService, type TestService } from '../support/service.ts'
import { SECRET, webhooksFile } from '../src/webhooks/receivers.ts'
import { blocksOf } from './runbooks.ts'

const RULES = 'ops/prometheus/ledger.rules.yml'
const RULES_TESTS = readdirSync('ops/prometheus/tests').map((file) =>
  `ops/prometheus/tests/${file}`
)
const hasPromtool = spawnSync('promtool', ['--version']).status === 0

interface Rule {
  alert?: string
  record?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups
  .flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)

interface Panel {
  title: string
  type: string
  description?: string
  targets?: { expr: string }[]
}

const dashboard = JSON.parse(readFileSync('ops/grafana/ledger.json', 'utf8')) as {
  uid: string
  schemaVersion: number
  panels: Panel[]
  templating: { list: { name: string; query: string | { query: string } }[] }
}
const shownExpressions = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...blocksOf('promql'),
]

let service: TestService
let webhooks: ReturnType<typeof webhooksFile>
let folder: string
let exposed: Set<string>

/** Names of series as Prometheus keeps them. */
const namesIn = (text: string) =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => /^\w+/.exec(line)![0])

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/ledger-ops-`)
  const receiver = { name: 'nobody', url: 'http://127.0.0.1:9/', secrets: [SECRET] }
  webhooks = webhooksFile([receiver])
  service = await startTestService({ webhooksFile: webhooks.path })
  const post = (path: string, body: object) =>
    fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  await post('/users/1/credit', { amount: 10 })
  for (const command of ['verify', 'anchor']) {
    const run = runTypeScript(`db/${command}.ts`, ['--metrics', `${folder}/${command}.prom`], {
      DATABASE_URL: service.database.url,
    })
    if (await run.ended !== 0) throw new Error(`${command}: ${run.output()}`)
  }
  const scrape = await (await fetch(`${service.url}/metrics`)).text()
  const files = ['verify', 'anchor'].map((name) => readFileSync(`${folder}/${name}.prom`, 'utf8'))
  exposed = new Set([scrape, ...files].flatMap(namesIn))
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await service?.close()
  webhooks?.remove()
})

const promtool = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
  return { status, output: `${stdout}${stderr}` }
}

test('promtool accepts the rules, and what they make of series is what their tests say', ({ skip }) => {
  skip(!hasPromtool, 'needs promtool')
  expect(promtool('check', 'rules', RULES)).toMatchObject({ status: 0 })
  const { status, output } = promtool('test', 'rules', ...RULES_TESTS)
  expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')])
})

test('each alert waits, has a severity, a summary and a runbook; and is tested to fire', () => {
  const tested = RULES_TESTS.flatMap((file) =>
    (parse(readFileSync(file, 'utf8')) as {
      tests: { alert_rule_test?: { alertname: string; exp_alerts: object[] }[] }[]
    }).tests
  )
  const firing = tested.flatMap(({ alert_rule_test: list = [] }) =>
    list.filter(({ exp_alerts }) => exp_alerts.length > 0).map(({ alertname }) => alertname)
  )
  for (const { alert, for: duration, labels, annotations } of alerts) {
    expect([alert, duration]).toEqual([alert, expect.stringMatching(/^\d+[mh]$/)])
    expect(['critical', 'warning', 'info']).toContain(labels?.['severity'])
    expect(annotations?.['summary']).toBeTruthy()
    expect(annotations?.['runbook_url']).toBe(`ops/runbooks/${alert}.md`)
  }
  const names = alerts.map(({ alert }) => alert!).sort()
  expect([...new Set(firing)].sort()).toEqual(names)
  expect(readdirSync('ops/runbooks').map((file) => basename(file, '.md')).sort()).toEqual(names)
})

const WORDS = new Set(
  ('absent sum by rate increase max min count topk histogram_quantile time on or and unless le job ' +
    'instance route operation outcome reason pool queue call cache version runtime schema status receiver server')
    .split(' '),
)

/** Names of metrics in an expression: words that are no function, no label and in no string. */
const metricsIn = (expr: string) =>
  [
    ...expr.replace(/"[^"]*"/g, '').replace(/\{[^}]*\}/g, '').replace(/\[[^\]]*\]/g, '')
      .matchAll(/[a-z_][\w:]*/gi),
  ].map(([word]) => word).filter((word) => !WORDS.has(word))

test('every metric in rules, runbooks and dashboard is in a scrape, in a file of a command, or recorded', () => {
  const recorded = rules.flatMap(({ record }) => record ?? [])
  const known = new Set([...exposed, ...recorded, 'up'])
  const used = [...rules.map(({ expr }) => expr), ...shownExpressions].flatMap(metricsIn)
  expect(used.length).toBeGreaterThan(40)
  expect([...new Set(used.filter((name) => !known.has(name)))]).toEqual([])
  const variables = dashboard.templating.list.flatMap(({ query }) =>
    typeof query === 'string' ? [] : [/label_values\((\w+)/.exec(query.query)![1]!]
  )
  expect(variables.filter((name) => !known.has(name))).toEqual([])
})

test('each metric of the ledger is on the dashboard or in a rule', () => {
  const used = new Set(
    [...rules, ...dashboard.panels.flatMap(({ targets = [] }) => targets)]
      .flatMap(({ expr }) => metricsIn(expr)),
  )
  // Of a series of a histogram: all of them are its.
  const familyOf = (name: string) => name.replace(/_(bucket|sum|count)$/, '')
  const shown = new Set([...used].map(familyOf))
  const own = [...exposed].filter((name) => name.startsWith('ledger_')).map(familyOf)
  expect(new Set(own).size).toBeGreaterThan(20)
  // How much a verification read is in its own output.
  expect([...new Set(own.filter((name) => !shown.has(name)))]).toEqual(['ledger_verification_rows'])
})

test('the dashboard has a description for each panel; its expressions and those of runbooks parse', ({ skip }) => {
  for (const { type, title, description, targets } of dashboard.panels) {
    if (type === 'row') continue
    expect([title, Boolean(description), targets!.length > 0]).toEqual([title, true, true])
  }
  skip(!hasPromtool, 'needs promtool')
  const file = `${folder}/dashboard.yml`
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      groups: [{
        name: 'dashboard',
        rules: shownExpressions.map((expr, n) => ({
          record: `shown:${n}`,
          expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, 'x'),
        })),
      }],
    }),
  )
  expect(promtool('check', 'rules', file)).toMatchObject({ status: 0 })
})

test('every query of the runbooks answers', async () => {
  const sql = connectTo(service.database.url)
  try {
    const queries = blocksOf('sql')
    expect(queries.length).toBeGreaterThan(10)
    await sql`insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 0.5)`
    for (const query of queries) await sql.unsafe(query.replaceAll('USER', '1'))
    // One of them posts what is pending.
    expect(await sql`select balance from users where id = 1`).toEqual([{ balance: '10.50' }])
  } finally {
    await sql.end()
  }
})

test('every command of the runbooks gets an answer', async ({ skip }) => {
  skip(spawnSync('curl', ['--version']).status !== 0, 'needs curl')
  const commands = blocksOf('bash')
  expect(commands.length).toBeGreaterThan(2)
  const place = new URL(service.url).host
  const env = {
    PATH: process.env['PATH'],
    UPSTASH_REDIS_REST_URL: service.redis.url,
    UPSTASH_REDIS_REST_TOKEN: service.redis.token,
  }
  for (const command of commands) {
    const script = command.replaceAll('HOST:PORT', place).replaceAll('curl ', 'curl --fail ')
    await promisify(execFile)('bash', ['-ec', script], { env })
  }
})
