/** Which values labels have. */
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { VERSION } from '../../../../src/core/version.ts'
import { SCHEMA_VERSION } from '../../../../src/ledger/schema_version.ts'
import { call, OUTCOMES, seriesIn } from './service.ts'
import { OF_OTHERS, OPERATIONS } from './counts.ts'

test('whatever is asked for, labels have the values that are known', async () => {
  const secret = 'c0ffee'
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE', 'REPORT']
  const paths = [
    ['', '/', `/${secret}`, `/users/${secret}`, `/users/${secret}/debit`, `/users/${secret}/x`],
    [`/users/1/debit?${secret}`, `/users/77777/debit`, `/%00${secret}`, `//${secret}`, `/*`],
    [`/users/:id`, `/users/77777`, `/metrics/${secret}`, `/.%2e/${secret}`, `/${secret}%`],
  ].flat()
  for (const path of paths) {
    for (const method of methods) {
      await call(method, path, undefined, {
        'Idempotency-Key': secret,
        'Cache-Control': secret,
        ...(method === 'POST' && { 'Content-Type': `application/${secret}` }),
      })
    }
  }
  await call('POST', '/users/1/credit', { amount: 1 }, { 'Idempotency-Key': secret })
  await call('POST', '/users/1/debit', { amount: 1 }, { 'Idempotency-Key': `${secret}1` })

  const { text } = await call('GET', '/metrics')
  expect(text).not.toContain(secret)
  // In the labels: a number of bytes or seconds may well contain those digits.
  const names = [...seriesIn(text).keys()].join('\n')
  expect(names).not.toContain('77777')
  const values: Record<string, Set<string>> = {}
  for (const series of seriesIn(text).keys()) {
    if (!/^(user_|http_|debit_|snapshot_|ledger_)/.test(series)) continue
    for (const [, label, value] of series.matchAll(/(\w+)="([^"]*)"/g)) {
      ;(values[label!] ??= new Set()).add(value!)
    }
  }
  const known: Record<string, string[]> = {
    cache: ['hit', 'miss', 'bypass'],
    server: ['primary', 'standby', 'fallback'],
    outcome: [...OUTCOMES, ...OF_OTHERS],
    operation: ['read', 'write', 'parse', 'mixed', ...OPERATIONS],
    call: readdirSync('db/functions', { recursive: true })
      .map((file) => basename(String(file), '.sql')).concat(
        'read_service_role',
        'read_lock_holders',
      ),
    pool: ['post', 'wait', 'read', 'read_long'],
    queue: ['batch', 'lock_waiters', 'repeats'],
    version: [VERSION],
    schema: [SCHEMA_VERSION],
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'],
    route: [
      ['/*', '/users', '/users/:id', '/users/:id/debit', '/users/:id/credit'],
      ['/users/:id/recalculate', '/users/:id/verify', '/users/:id/holds', '/metrics'],
      ['/', '/healthz', '/livez', '/readyz', '/openapi.json', '/docs'],
    ].flat(),
    status: ['200', '201', '400', '404', '405', '413', '415', '422', '503'],
  }
  for (const [label, found] of Object.entries(values)) {
    if (label === 'le' || label === 'runtime') continue
    expect([label, [...found].filter((value) => !known[label]?.includes(value))]).toEqual([
      label,
      [],
    ])
  }
  expect(Object.keys(values).filter((label) => label !== 'le').sort((a, b) => a < b ? -1 : 1))
    .toEqual([...Object.keys(known), 'runtime'].sort((a, b) => a < b ? -1 : 1))
  expect([...values['runtime']!]).toEqual([expect.stringMatching(/^(node|deno) \d+\.\d+\.\d+$/)])
})
