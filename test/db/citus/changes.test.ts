/** What takes something out of the histories of a distributed ledger: all of it with its trace. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeAnchor } from '../../../db/make_anchor.ts'
import { verifyAnchors } from '../../../db/verify_anchors.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { codeOf, connectTo, one } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'
import { ageUsers, verifyLedger } from '../../support/tampering.ts'

const ledger = useCitusLedger({ isDistributed: true })
const REASON = 'request 4711, decided by the officer'
const SECRET = '{"name": "Ada Abel"}'
const USERS = [100, 101, 102, 103, 104, 105, 106, 107]
let folder: string

beforeAll(async () => {
  if (citusIsMissing) return
  folder = await mkdtemp(join(tmpdir(), 'ledger-changes-'))
  const sql = ledger.connect()
  for (const user of USERS) {
    await sql`select create_user(${user}), credit_user(${user}, 100, 'key', ${SECRET}::text::jsonb)`
  }
  for (const [n, user] of USERS.entries()) {
    await sql`select transfer(${user}, ${USERS[n ^ 1]!}, 1, 'rent', ${SECRET}::text::jsonb)`
  }
  await sql`set citus.enable_unsafe_triggers = on`
  await ageUsers(sql, 100, ...USERS)
})
afterAll(async () => {
  if (!citusIsMissing) await rm(folder, { recursive: true })
})

/** Asks on a connection of its own, since those that were open end with a crash. */
async function ask<T>(url: string, question: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = connectTo(url)
  try {
    return await question(sql)
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** Kills a process of a server, so that all others end, too, and waits until the first has. */
const crash = (url: string) =>
  ask(url, async (other) => {
    await ask(url, async (sql) => {
      const { pid } = await one(sql`select pg_backend_pid() as pid`)
      process.kill(pid as number, 'SIGKILL')
    })
    await vi.waitUntil(() => codeOf(other`select`).then((code) => code !== 'ok'))
  })

/** Waits until every server answers, and nothing that is prepared waits for its end. */
async function healed(): Promise<void> {
  for (const url of [ledger.url, ...ledger.workerUrls]) {
    const count = (sql: postgres.Sql) =>
      one(sql`
        select count(*)::integer as n from pg_prepared_xacts where database = current_database()`)
    await vi.waitUntil(
      () => ask(url, count).then((row) => row['n'] === 0, () => false),
      { interval: 200 },
    )
  }
}

const erase = (sql: postgres.Sql, user: number) =>
  sql`select erase_user(${user}::bigint, ${REASON})`

/** How many of a user's entries are erased, and what says so on the same server and another. */
const stateOf = async (sql: postgres.Sql, user: number) => [
  (await sql`select from payment_history where user_id = ${user} and metadata ? 'erased'`).length,
  (await sql`select from erasures where user_id = ${user} and kind = 'entry'`).length,
  (await sql`select from interventions where user_id = ${user}`).length,
]

test.skipIf(citusIsMissing)('an erasure and its trace commit on all servers or none', async () => {
  const commands: string[] = []
  const sql = postgres(ledger.url, {
    max: 1,
    fetch_types: false,
    onnotice: ({ message = '' }) => commands.push(message),
  })
  const file = join(folder, 'anchors.jsonl')
  try {
    expect(await verifyLedger(sql)).toEqual([])
    await makeAnchor(ledger.connect(), { out: file })
    await sql`set citus.log_remote_commands = on`
    await erase(sql, USERS[0]!)
    expect(commands.filter((text) => text.startsWith('issuing PREPARE TRANSACTION')))
      .toHaveLength(ledger.workerUrls.length)
    await sql`set citus.log_remote_commands = off`
    expect(await verifyLedger(sql)).toEqual([])
    const findings: string[] = []
    await verifyAnchors(ledger.connect(), file, undefined, ({ detail }) => findings.push(detail))
    expect(findings).toEqual([])
  } finally {
    await sql.end()
  }
})

test.skipIf(citusIsMissing)(
  'a worker that crashes leaves a change with its trace or neither',
  async () => {
    // Between the change and the commit.
    for (const url of ledger.workerUrls) {
      const sql = ledger.connect()
      await sql`begin`
      await erase(sql, USERS[2]!)
      await crash(url)
      await healed()
      expect(await codeOf(sql`commit`)).not.toBe('ok')
      await healed()
      const state = await ask(ledger.url, (fresh) => stateOf(fresh, USERS[2]!))
      expect(state).toEqual([0, 0, 0])
    }
    // At any moment.
    const stopping = new AbortController()
    const erasing = (async () => {
      for (let n = 0; !stopping.signal.aborted; n++) {
        await ask(ledger.url, (sql) => codeOf(erase(sql, USERS[2 + n % 4]!)))
      }
    })()
    for (const url of ledger.workerUrls) {
      await crash(url)
      await healed()
    }
    stopping.abort()
    await erasing
    await healed()
    await ask(ledger.url, async (sql) => {
      expect(await verifyLedger(sql)).toEqual([])
      for (const user of USERS.slice(2, 6)) {
        expect(await codeOf(erase(sql, user))).toBe('ok')
        expect((await stateOf(sql, user))[0]).toBe(3)
      }
      expect(await verifyLedger(sql)).toEqual([])
    })
  },
)

test.skipIf(citusIsMissing)(
  'npm run archive moves metadata of every server to one file',
  async () => {
    const file = join(folder, 'archive.jsonl')
    const day = new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10)
    const run = runTypeScript('db/archive.ts', ['--before', day, '--out', file], {
      DATABASE_URL: ledger.url,
    })
    expect([await run.ended, run.output()]).toEqual([0, '7 entries archived\n'])
    expect((await readFile(file, 'utf8')).match(/Ada Abel/g)).toHaveLength(7)
    const proof = runTypeScript('db/verify.ts', ['--archive', file], { DATABASE_URL: ledger.url })
    expect([await proof.ended, proof.output()])
      .toEqual([
        0,
        expect.stringMatching(/^no findings: .*, 7 archived, .*7 proved by the archive, /),
      ])
  },
)

test.skipIf(citusIsMissing)('a server lets nothing through that isn’t written down', async () => {
  const user = USERS[7]!
  const sql = ledger.connect()
  const { id } = await one(sql`select max(id)::integer as id from interventions`)
  const { port } = await one(sql`
    select n.nodeport as port from pg_dist_placement p join pg_dist_node n using (groupid)
     where p.shardid = get_shard_id_for_distribution_column('users', ${user}::bigint)`)
  const url = ledger.workerUrls.find((worker) => new URL(worker).port === `${port}`)!
  const worker = ledger.connect(url)
  for (
    const change of [
      `update payment_history set metadata = '{"erased": 99}' where user_id = ${user}`,
      `update payment_history set metadata = '{"erased": ${id}}' where user_id = ${user}`,
      `update payment_history set metadata = '{"archived": 99}' where user_id = ${user}`,
      `update payment_history set idempotency_key = null where user_id = ${user}`,
      `update erasures set intervention = 99`,
      `delete from erasures`,
    ]
  ) {
    expect([change, await codeOf(worker.unsafe(change))])
      .toEqual([change, 'LGIMM'])
  }
  await sql`alter role ledger_dba login`
  const dba = connectTo(url, 'ledger_dba')
  try {
    for (
      const call of [
        `insert into erasures values (99, 'entry', ${user}, 1, 0, '')`,
        `update payment_history set metadata = null where user_id = ${user}`,
        `select erase_user(${user}, '${REASON}')`,
        `select ledger.apply_erasures(${id}, ${user})`,
      ]
    ) expect([call, await codeOf(dba.unsafe(call))]).toEqual([call, '42501'])
  } finally {
    await dba.end()
  }
  expect(await verifyLedger(sql)).toEqual([])
  // Who owns the server may write such a row there, which no intervention says.
  await worker`insert into erasures values (99, 'entry', ${user}::bigint, 1, 0, '')`
  expect(await verifyLedger(sql)).toEqual([`erasure_invalid ${user}/-`, `hash_differs ${user}/1`])
})
