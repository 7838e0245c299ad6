/** Anchors of a distributed ledger: made while money moves between servers, and what they find. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeAnchor } from '../../../db/make_anchor.ts'
import { verifyAnchors } from '../../../db/verify_anchors.ts'
import { citusIsMissing, distribute, SHARDS, useCitusLedger } from '../../support/citus.ts'
import { codeOf, one } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'

const ledger = useCitusLedger({ isDistributed: false })
const USERS = Array.from({ length: 12 }, (_, n) => 100 + n)
let folder: string
let file: string

beforeAll(async () => {
  if (citusIsMissing) return
  folder = await mkdtemp(join(tmpdir(), 'ledger-anchor-'))
  file = join(folder, 'anchors.jsonl')
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user}), credit_user(${user}, 100)`
  await sql`select place_hold(${USERS[0]!}, 5), freeze_user(${USERS[1]!}, 'a test')`
  await sql`select thaw_user(${USERS[1]!}), create_user(200, 'a reference', '{"a": 1}')`
  await makeAnchor(ledger.connect(), { out: file })
})
afterAll(async () => {
  if (!citusIsMissing) await rm(folder, { recursive: true })
})

/** What verification says of all anchors so far, and how many there are. */
async function verify(): Promise<[findings: string[], anchors: number]> {
  const findings: string[] = []
  const count = await verifyAnchors(ledger.connect(), file, undefined, ({ finding, detail }) => {
    findings.push(`${finding}: ${detail}`)
  })
  return [findings, count]
}

test.skipIf(citusIsMissing)('an anchor from before holds on several servers, too', async () => {
  const [code] = await distribute(ledger.url, '--shards', `${SHARDS}`)
  expect(code).toBe(0)
  expect(await verify()).toEqual([[], 1])
})

test.skipIf(citusIsMissing)('anchors hold that are made while transfers commit', async () => {
  const stopping = new AbortController()
  const clients = [0, 1, 2].map(async (client) => {
    const sql = ledger.connect()
    let transfers = 0
    for (let n = 0; !stopping.signal.aborted; n++) {
      const [from, to] = [USERS[(client + n) % 12]!, USERS[(client + n * 5 + 1) % 12]!]
      if (await codeOf(sql`select from transfer(${from}, ${to}, 1)`) === 'ok') transfers++
      await codeOf(sql`select from place_hold(${to}, 1)`)
    }
    return transfers
  })
  for (let n = 0; n < 6; n++) await makeAnchor(ledger.connect(), { out: file })
  stopping.abort()
  const transfers = await Promise.all(clients)
  expect(Math.min(...transfers)).toBeGreaterThan(0)
  expect(await verify()).toEqual([[], 7])
})

test.skipIf(citusIsMissing)('an anchor waits for prepared transactions of workers', async () => {
  const watcher = ledger.connect()
  for (const url of ledger.workerUrls) {
    const worker = ledger.connect(url)
    await worker`begin`
    await worker`select pg_current_xact_id()`
    await worker`prepare transaction 'half'`
    let isMade = false
    const sql = ledger.connect()
    const { pid } = await one(sql<{ pid: number }[]>`select pg_backend_pid() as pid`)
    const anchor = makeAnchor(sql, { out: file }).finally(() => isMade = true)
    // It has asked for clocks and for numbers; then it asks again and again what is open.
    const questions = new Set<unknown>()
    await vi.waitUntil(async () => {
      const { at } = await one(watcher`
        select query_start::text as at from pg_stat_activity where pid = ${pid}`)
      questions.add(at)
      return isMade || questions.size > 8
    }, { interval: 5 })
    const wasMade = isMade
    await worker`rollback prepared 'half'`
    await anchor
    expect(wasMade).toBe(false)
  }
  expect(await verify()).toEqual([[], 9])
})

test.skipIf(citusIsMissing)(
  'npm run anchor and verify work on the coordinator',
  async () => {
    for (const [name, ...args] of [['anchor', '--out', file], ['verify', '--anchors', file]]) {
      const run = runTypeScript(`db/${name}.ts`, args, { DATABASE_URL: ledger.url })
      expect([await run.ended, run.output()]).toEqual([0, expect.anything()])
    }
  },
)

test.skipIf(citusIsMissing)('an anchor finds an entry edited on its server', async () => {
  for (const url of ledger.workerUrls) {
    const worker = ledger.connect(url)
    await worker`set citus.override_table_visibility = off`
    const shards = await worker<{ name: string }[]>`
      select c.relname as name from pg_class c where c.relname ~ '^payment_history_\\d+$'`
    for (const { name } of shards) {
      await worker.unsafe(`alter table ${name} disable trigger all;
        update ${name} set hash = sha256(hash) where user_id = ${USERS[5]!} and seq = 1`)
    }
  }
  const [findings] = await verify()
  expect(findings.length).toBeGreaterThan(0)
  expect(findings.every((finding) => finding.startsWith('anchor_differs'))).toBe(true)
})
