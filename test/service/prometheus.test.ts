import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService } from '../support/service.ts'

const missing = ['prometheus', 'promtool'].find((program) =>
  spawnSync(program, ['--version']).status !== 0
)

/** Starts a Prometheus that scrapes one address every second; resolves to its own. */
async function startPrometheus(folder: string, target: string): Promise<[ChildProcess, string]> {
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'ledger', static_configs: [{ targets: [target] }] }],
  }
  // JSON is YAML.
  writeFileSync(`${folder}/prometheus.yml`, JSON.stringify(config))
  const child = spawn('prometheus', [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    '--web.listen-address=127.0.0.1:0',
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface({ input: child.stderr })) {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(line) ?? []
    if (!address) continue
    // Nobody reads on: a full pipe must not stop it.
    child.stderr.resume()
    return [child, `http://${address}`]
  }
  throw new Error('prometheus ended before it listened')
}

let service: TestService

/** Requests of each kind, so that series have something to count. */
async function visit(): Promise<void> {
  const post = (path: string, body: unknown) =>
    fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  const statuses = [
    await post('/users/1/credit', { amount: 10 }),
    await post('/users/1/debit', { amount: 4 }),
    await post('/users/1/debit', { amount: 7 }),
    await fetch(`${service.url}/users/1`),
  ].map(({ status }) => status)
  expect(statuses).toEqual([201, 201, 422, 200])
}

beforeAll(async () => {
  service = await startTestService()
  await visit()
})

afterAll(() => service?.close())

test('promtool finds nothing wrong with /metrics', async ({ skip }) => {
  skip(missing !== undefined, `needs ${missing}`)
  const input = await (await fetch(`${service.url}/metrics`)).text()
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input,
    encoding: 'utf8',
  })
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '')
  expect(complaints).toEqual([])
  expect(status).toBe(0)
})

test('a Prometheus that scrapes the service answers with its series', async ({ skip, onTestFinished }) => {
  skip(missing !== undefined, `needs ${missing}`)
  const folder = mkdtempSync(`${tmpdir()}/ledger-prometheus-`)
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [child, api] = await startPrometheus(folder, new URL(service.url).host)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })

  /** The values of a query, by one of its labels. */
  const query = async (promql: string, label: string) => {
    const response = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(promql)}`)
    const { data } = await response.json() as {
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    return Object.fromEntries(
      data?.result.map(({ metric, value }) => [metric[label], Number(value[1])]) ?? [],
    )
  }
  await expect.poll(() => query('up', 'job')).toEqual({ ledger: 1 })

  expect(Object.keys(await query('user_balance_reads_total', 'cache')).sort())
    .toEqual(['bypass', 'hit', 'miss'])
  expect(await query('sum by (job) (user_balance_reads_total)', 'job')).toEqual({ ledger: 1 })
  expect(await query('user_debit_requests_total', 'outcome')).toMatchObject({
    ok: 1,
    replayed: 0,
    insufficient_funds: 1,
    unknown_user: 0,
    busy: 0,
  })
  const debits = 'http_request_duration_seconds_count{method="POST",route="/users/:id/debit"}'
  expect(await query(debits, 'status')).toEqual({ 201: 1, 422: 1 })
  expect(await query('debit_batch_size_count > 0', 'job')).toEqual({ ledger: expect.any(Number) })
  expect(await query('sum by (job) (snapshot_cache_errors_total)', 'job')).toEqual({ ledger: 0 })
  expect(await query('ledger_findings', 'job')).toEqual({ ledger: 0 })
  expect(await query('process_cpu_seconds_total > 0', 'job')).toEqual({
    ledger: expect.any(Number),
  })
})
