/**
 * What the ledger proves and shows depends on its rows, not on how a session prints or converts.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findingsOf } from '../support/findings.ts'
import { one, useLedger } from '../support/ledger.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { SETTINGS } from '../support/session_settings.ts'
import { verifyLedger, verifyUser } from '../support/tampering.ts'

const ledger = useLedger()

const EACH = Object.entries(SETTINGS)
  .flatMap(([name, values]) => values.map((value) => [name, value] as const))

/** Metadata with an é, in ASCII: it reads the same whatever encoding the client is said to have. */
const plain = (statement: string) =>
  statement.replaceAll('METADATA', `('{"n": "' || chr(233) || '", "x": 1.10}')::jsonb`)

/** A connection with a setting, which stands for every role, database or client that has it. */
async function connectWith(name: string, value: string): Promise<postgres.Sql> {
  const sql = ledger.connect()
  await sql`select set_config(${name}, ${value}, false)`
  return sql
}

/** Everything that can be done to a user, and to another. */
async function doEverything(sql: postgres.Sql, a: number, b: number): Promise<void> {
  const statements = [
    `insert into payment_history (user_id, action, amount, metadata)
       values (${a}, 'CREDIT', 500, METADATA)`,
    `select debit_user(${a}, 4, 'k1', METADATA)`,
    `select credit_user(${b}, 1.5, null, METADATA)`,
    `select transfer(${a}, ${b}, 2, 'k2', METADATA)`,
    `select place_hold(${a}, 10, 3600.5, 'k3', METADATA)`,
    `select place_hold(${a}, 20, null, null, METADATA)`,
    `select capture_hold(${a}, 1, 5, 'k4', METADATA)`,
    `select release_hold(${a}, 2, 'k5', METADATA)`,
    `select reverse_entry(${a}, 2, 'k6', METADATA)`,
    `insert into payment_history (user_id, action, amount, ts, metadata)
       values (${a}, 'DEBIT', 0.01, '2020-02-03 04:05:06.789012+00', METADATA)`,
    `select recalculate_balance(${a})`,
    `select freeze_user(${a}, chr(233)), thaw_user(${a}), set_credit_limit(${b}, 1.5, chr(233))`,
    `select id from create_user(null, 'reference of ${a}', METADATA, 'k7-${a}')`,
    `select status from ledger.post(array['CREDIT', 'TRANSFER', 'HOLD', 'DEBIT', null],
       array[${a}, ${a}, ${a}, ${b}, ${b}], array[1, 1, 1, 0.5, null],
       peer_user_ids => array[null, ${b}, null, null, null]::bigint[],
       idempotency_keys => array['p1', 'p2', 'p3', 'p4', null],
       metadatas => array[METADATA, METADATA, METADATA, METADATA, null])`,
  ]
  for (const statement of statements) await sql.unsafe(plain(statement))
}

/** All that is shown of a user, as text that no setting of the session touches. */
async function shown(sql: postgres.Sql, id: number): Promise<unknown> {
  const rows = await sql`
    select seq, hash, encode(convert_to(metadata::text, 'UTF8'), 'hex') as metadata,
           extract(epoch from ts)::text as ts, extract(epoch from sealed_at)::text as sealed_at,
           amount, balance, available, action, idempotency_key, reversed_by
      from ledger.get_statement(${id})`
  const [balance] =
    await sql`select balance, available, seq from ledger.get_users(array[${id}]::bigint[])`
  const moments = await sql`
    select m.seq, m.balance, m.hash from ledger.get_statement(${id}) s,
           ledger.get_moments(${id}, array[s.sealed_at]) m order by s.seq`
  return { rows: [...rows], balance, moments: [...moments] }
}

test.each(EACH)('with %s = %s everything is written as without', async (name, value) => {
  const [a, b] = [await ledger.user(), await ledger.user()]
  const sql = await connectWith(name, value)
  await doEverything(sql, a, b)
  for (const session of [ledger.sql, sql]) {
    expect(await verifyUser(session, a)).toEqual([])
    expect(await verifyUser(session, b)).toEqual([])
  }
  expect([...await findingsOf(ledger.sql, a), ...await findingsOf(ledger.sql, b)]).toEqual([])
})

test.each(EACH)(
  'with %s = %s what is written reads and verifies as without',
  async (name, value) => {
    const [a, b] = [await ledger.user(), await ledger.user()]
    await doEverything(ledger.sql, a, b)
    const sql = await connectWith(name, value)
    expect(await shown(sql, a)).toEqual(await shown(ledger.sql, a))
    expect(await verifyUser(sql, a)).toEqual([])
    expect(await verifyLedger(sql)).toEqual([])
    const heads = (session: postgres.Sql) =>
      session`select user_id, seq, encode(hash, 'hex') as hash from ledger.heads_at(now())`
    expect([...await heads(sql)]).toEqual([...await heads(ledger.sql)])
    const guards = (session: postgres.Sql) =>
      session`select object, sha256(convert_to(definition, 'UTF8'))::text as hash
              from ledger.get_guards() order by object collate "C"`
    await sql`set bytea_output = hex`
    expect([...await guards(sql)]).toEqual([...await guards(ledger.sql)])
  },
)

test.each(['LATIN1', 'SJIS', 'EUC_JP', 'UTF8'])(
  'a manual entry with é that a session in %s posts has the hash of its UTF-8',
  async (encoding) => {
    const id = await ledger.user(10)
    await ledger.sql.unsafe(plain(`insert into payment_history (user_id, action, amount, metadata)
      values (${id}, 'CREDIT', 5, METADATA)`))
    const poster = await connectWith('client_encoding', encoding)
    await poster`select seq from debit_user(${id}, 1)`
    for (const other of ['UTF8', 'LATIN1', 'SQL_ASCII']) {
      const sql = await connectWith('client_encoding', other)
      expect([other, await verifyUser(sql, id), await verifyLedger(sql)]).toEqual([other, [], []])
    }
  },
)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-settings-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('npm run verify and npm run anchor say the same whatever the database or the role sets', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(), await ledger.user()]
  await doEverything(sql, a, b)
  const run = async (command: string, ...args: string[]) => {
    const process = runTypeScript(`db/${command}.ts`, args, { DATABASE_URL: ledger.url })
    return [await process.ended, process.output()] as const
  }
  const heads = await sql`
    select user_id, seq, hash from ledger.heads_at(now()) where seq > 0 order by user_id`
  const root = createHash('sha256')
  for (const head of heads) {
    const numbers = Buffer.alloc(16)
    numbers.writeBigInt64BE(BigInt(head['user_id']))
    numbers.writeBigInt64BE(BigInt(head['seq']), 8)
    root.update(numbers).update(head['hash'])
  }
  const name = (await one(sql`select current_database() as name`))['name'] as string
  // All at once: each by itself is above, where it is cheaper.
  const hostile = {
    ...Object.fromEntries(EACH),
    client_encoding: 'LATIN1',
    TimeZone: 'Asia/Kathmandu',
    standard_conforming_strings: 'off',
  }
  const file = join(folder, 'anchors.jsonl')
  try {
    for (const [setting, value] of Object.entries(hostile)) {
      await sql.unsafe(`alter database ${name} set ${setting} = '${value}'`)
    }
    const [code, line] = await run('anchor')
    expect([code, (JSON.parse(line) as { root: string }).root]).toEqual([0, root.digest('hex')])
    expect(await run('anchor', '--out', file)).toEqual([0, ''])
    expect(await run('verify', '--anchors', file))
      .toEqual([0, expect.stringMatching(/^no findings: /)])
  } finally {
    for (const setting of Object.keys(hostile)) {
      await sql.unsafe(`alter database ${name} reset ${setting}`)
    }
  }
  // And what was anchored under these settings is right under others.
  expect(await run('verify', '--anchors', file))
    .toEqual([0, expect.stringMatching(/^no findings: /)])
})
