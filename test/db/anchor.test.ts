import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rootsAt } from '../../db/anchor_roots.ts'
import { type Anchor, nameOfKey, readKey, sign } from '../../db/anchors.ts'
import { makeAnchor } from '../../db/make_anchor.ts'
import { verifyAnchors } from '../../db/verify_anchors.ts'
import { isoTimestamp } from '../../src/database/database.ts'
import { one, rehashHolds, useLedger } from '../support/ledger.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { sample } from '../support/share.ts'
import { rehash, rehashControls, rehashDetails, tamper } from '../support/tampering.ts'

const ledger = useLedger()

let folder: string
let maker: postgres.Sql
let ids: number[]
let file: string

beforeAll(async () => {
  maker = ledger.connect()
  folder = await mkdtemp(join(tmpdir(), 'ledger-anchor-'))
  file = join(folder, 'anchors.jsonl')
  ids = [await ledger.user(10), await ledger.user(20), await ledger.user(), await ledger.user(40)]
  await ledger.sql`select credit_user(${ids[0]!}::bigint, 1)`
  await makeKeys('key')
  await makeKeys('other')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const path = (name: string) => join(folder, name)

/** As `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them. */
async function makeKeys(name: string): Promise<void> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('not a pair of keys')
  const write = async (format: 'pkcs8' | 'spki', key: CryptoKey, label: string, end: string) => {
    const base64 = Buffer.from(await crypto.subtle.exportKey(format, key)).toString('base64')
    const lines = base64.match(/.{1,64}/g)!.join('\n')
    await writeFile(
      path(`${name}.${end}`),
      `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`,
    )
  }
  await write('pkcs8', pair.privateKey, 'PRIVATE KEY', 'pem')
  await write('spki', pair.publicKey, 'PUBLIC KEY', 'pub')
}

async function run(command: string, args: string[], env: Record<string, string> = {}) {
  const process = runTypeScript(`db/${command}.ts`, args, { DATABASE_URL: ledger.url, ...env })
  const code = await process.ended
  // Node 20 warns that Ed25519 is new.
  const lines = process.output().split('\n').filter((line) => line && !/Warning|--trace/.test(line))
  return { code, lines }
}

/** Exit code, and the names of the findings. */
async function verify(...args: string[]) {
  const { code, lines } = await run('verify', args)
  return [code, ...lines.slice(0, -1).map((line) => line.split('\t')[0])]
}

/** The findings of anchors alone, by the function that the command calls, without a process. */
async function anchorFindings({ out, publicKey }: { out: string; publicKey?: string }) {
  const findings: string[] = []
  await verifyAnchors(ledger.sql, out, publicKey, ({ finding }) => findings.push(finding))
  return findings
}

/** Makes one, signed with the key of this name if any, by the function that the command calls. */
const anchorTo = (out: string, key?: string) =>
  makeAnchor(maker, { out, ...(key && { keyFile: path(`${key}.pem`) }) })

const anchor = async () => JSON.parse((await run('anchor', [])).lines[0]!) as Anchor

/** A file with one signed anchor, the first of its key, and how to verify it. */
async function firstAnchor(name: string) {
  await makeKeys(name)
  const out = path(`${name}.jsonl`)
  await anchorTo(out, name)
  const publicKey = path(`${name}.pub`)
  return { out, publicKey, args: ['--anchors', out, '--public-key', publicKey] }
}

const linesOf = async (name: string) => (await readFile(name, 'utf8')).trimEnd().split('\n')

test('npm run anchor writes one line: the hash of all heads', async () => {
  const heads = await ledger.sql`
    select distinct on (user_id) user_id, seq, hash from payment_history
     order by user_id, seq desc`
  const hash = createHash('sha256')
  for (const head of heads) {
    const numbers = Buffer.alloc(16)
    numbers.writeBigInt64BE(BigInt(head['user_id']))
    numbers.writeBigInt64BE(BigInt(head['seq']), 8)
    hash.update(numbers).update(head['hash'])
  }
  const none = createHash('sha256').digest('hex')
  const printed = await anchor()
  const { id } = await one(ledger.sql<{ id: string }[]>`select ledger.ledger_id() as id`)
  const first = {
    version: 3,
    ledger: id,
    key: null,
    number: 1,
    previous: null,
    since: null,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    users: 3,
    rows: 4,
    root: hash.digest('hex'),
    hold_changes: 0,
    hold_changes_root: none,
    manual_entries: 0,
    manual_entries_root: none,
    interventions: 0,
    interventions_root: none,
    user_controls: 0,
    user_controls_root: none,
    user_details: 0,
    user_details_root: none,
  }
  expect(printed).toEqual(first)
  // The next one names it.
  expect(await anchor()).toEqual({
    ...first,
    number: 2,
    previous: createHash('sha256').update(JSON.stringify(printed)).digest('hex'),
    since: printed.at,
  })
})

test('npm run anchor waits for whoever may still add something before it', async () => {
  const sql = ledger.connect()
  await sql`begin`
  await sql`select credit_user(${ids[1]!}::bigint, 5)`
  const waiting = run('anchor', [])
  await expect.poll(
    () =>
      ledger.sql`select pid from pg_stat_activity
        where datname = current_database() and application_name = 'ledger-verify' and query like '%pg_snapshot_xmin%'`,
  ).toHaveLength(1)
  await sql`commit`
  const { lines } = await waiting
  expect(JSON.parse(lines[0]!)).toMatchObject({ rows: 5 })
})

test('a ledger that has only grown extends its anchors, signed and unsigned', async () => {
  await anchorTo(file, 'key')
  const { sql } = ledger
  await sql`select credit_user(${ids[2]!}::bigint, 1), debit_user(${ids[0]!}::bigint, 1)`
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${ids[1]!}, 'CREDIT', 1, '2001-01-01')`
  await sql`select recalculate_balance(${ids[1]!}::bigint)`
  await sql`select place_hold(${ids[3]!}::bigint, 5), capture_hold(${ids[3]!}::bigint, 1)`
  await sql`select place_hold(${ids[3]!}::bigint, 5), release_hold(${ids[3]!}::bigint, 2)`
  await sql`select place_hold(${ids[3]!}::bigint, 5)`
  await sql`insert into payment_history (user_id, action, amount) values (${ids[2]!}, 'CREDIT', 2)`
  await sql`insert into payment_history (user_id, action, amount) values (${ids[2]!}, 'CREDIT', 3)`
  await sql`select withdraw_entry(user_id, id) from payment_history where seq is null and amount = 3`
  await ledger.user(7)
  await sql`select create_user(reference => 'anchored'), set_credit_limit(${ids[0]!}, 5)`
  expect(await run('anchor', ['--out', file], { ANCHOR_KEY_FILE: path('key.pem') }))
    .toEqual({ code: 0, lines: [] })
  const anchors = (await linesOf(file)).map((line) => JSON.parse(line) as Anchor)
  expect(anchors).toMatchObject([
    { number: 1, hold_changes: 0, manual_entries: 0, interventions: 0, user_controls: 0 },
    { number: 2, hold_changes: 5, manual_entries: 3, interventions: 1, user_controls: 1 },
  ])
  // What was done to holds and manual entries since changes neither.
  await sql`select release_hold(${ids[3]!}::bigint, 3)`
  await sql`select recalculate_balance(${ids[2]!}::bigint)`
  expect(await anchorFindings({ out: file })).toEqual([])
  expect(await verify('--anchors', file, '--public-key', path('key.pub'))).toEqual([0])
})

test('anchors of each key have files of their own, where --public-key takes all or none', async () => {
  const out = path('mixed.jsonl')
  for (const [first, then] of [[undefined, 'key'], ['key', undefined]]) {
    await rm(out, { force: true })
    await anchorTo(out, first)
    const before = await linesOf(out)
    await expect(anchorTo(out, then)).rejects.toThrow(/: give other ones a file of their own$/)
    expect(await linesOf(out)).toEqual(before)
  }
  expect(await anchorFindings({ out, publicKey: path('key.pub') })).toEqual([])
})

test('an anchor begins a line, also behind one that was cut short', async () => {
  const first = await firstAnchor('cut')
  const [line] = await linesOf(first.out)
  await writeFile(first.out, line!.slice(0, 40))
  expect(await anchorFindings(first)).toEqual(['anchor_invalid', 'anchor_missing'])
  await anchorTo(first.out, 'cut')
  expect((await linesOf(first.out))[1]).toBe(line)
  expect(await anchorFindings(first)).toEqual(['anchor_invalid'])
})

test('lines that were cut, edited, invented or put elsewhere are found, and written again', async () => {
  const { out, publicKey, args } = await firstAnchor('lines')
  const findings = () => anchorFindings({ out, publicKey })
  for (let n = 2; n <= 4; n++) await anchorTo(out, 'lines')
  const lines = await linesOf(out)
  const write = (...texts: string[]) => writeFile(out, `${texts.join('\n')}\n`)
  expect(await findings()).toEqual([])

  await write(...lines.slice(0, 2))
  expect(await verify(...args)).toEqual([1, 'anchor_missing', 'anchor_missing'])
  await write(...lines.slice(1))
  expect(await findings()).toEqual(['anchor_missing'])
  await write(lines[0]!, ...lines.slice(2))
  expect(await findings()).toEqual(['anchor_missing'])
  await anchorTo(out, 'lines')
  expect(await linesOf(out)).toHaveLength(5)
  expect(await findings()).toEqual([])

  // As somebody without the key would: it adds up, and yet the ledger made none such.
  const { signature: _, ...real } = JSON.parse(lines[0]!) as Anchor
  const invented = { ...real, key: null, at: '0001-01-01T00:00:00.000000Z' }
  const empty = createHash('sha256').digest('hex')
  await write(JSON.stringify({ ...invented, users: 0, rows: 0, root: empty }))
  expect(await anchorFindings({ out })).toContain('anchor_invalid')
  // Nor does it help to cut them from the ledger, as long as the file has them.
  await write(...lines)
  await tamper(ledger.sql, 'delete from ledger.anchors where number > 1')
  expect(await findings()).toContain('anchor_invalid')
  await expect(anchorTo(out, 'lines')).rejects.toThrow('verify them first')
})

test('forged and edited anchors are found', async () => {
  const { out, publicKey } = await firstAnchor('forged')
  const findings = () => anchorFindings({ out, publicKey })
  const real = JSON.parse((await linesOf(out))[0]!) as Anchor
  const flip = (hash: string) => hash.replace(/^./, (c) => c === '0' ? '1' : '0')
  const edits: [Partial<Anchor>, ...string[]][] = [
    [{ root: flip(real.root) }, 'anchor_differs'],
    [{ rows: real.rows + 1 }, 'anchor_differs'],
    [{ users: real.users - 1 }, 'anchor_differs'],
    [{ hold_changes: 0 }, 'anchor_differs'],
    [{ hold_changes_root: flip(real.hold_changes_root) }, 'anchor_differs'],
    [{ manual_entries_root: flip(real.manual_entries_root) }, 'anchor_differs'],
    [{ interventions_root: flip(real.interventions_root) }, 'anchor_differs'],
    [{ at: real.at.replace(/^\d+/, '2020') }, 'anchor_differs'],
    [{ at: real.at.replace(/^\d+/, '2999') }, 'anchor_invalid'],
    [{ number: 2 }, 'anchor_invalid', 'anchor_missing'],
    [{ previous: real.root }, 'anchor_invalid'],
  ]
  for (const [edit, ...found] of edits) {
    await writeFile(out, JSON.stringify({ ...real, ...edit }))
    expect([edit, ...await findings()]).toEqual(
      expect.arrayContaining(['anchor_invalid', 'anchor_signature', ...found]),
    )
  }
  for (const edit of [{ version: 1 }, { ledger: crypto.randomUUID() }, { key: 'x' }, { more: 1 }]) {
    await writeFile(out, JSON.stringify({ ...real, ...edit }))
    expect([edit, ...await findings()]).toEqual([edit, 'anchor_invalid', 'anchor_missing'])
  }
  // All of an honest anchor but the signature, or with that of another.
  const { signature: _, ...unsigned } = real
  for (const line of [unsigned, { ...real, signature: Buffer.alloc(64).toString('base64') }]) {
    await writeFile(out, JSON.stringify(line))
    expect(await findings()).toEqual(['anchor_signature', 'anchor_invalid'])
  }
  await writeFile(out, JSON.stringify(real))
  expect(await findings()).toEqual([])
  expect(await anchorFindings({ out, publicKey: path('other.pub') })).toEqual(['anchor_signature'])
})

test('a key or an anchor file that is none ends with 2 and one line', async () => {
  await writeFile(path('none'), '')
  for (
    const [command, ...args] of sample('bad files', [
      ['anchor', '--key', path('none')],
      ['anchor', '--key', path('key.pub')],
      ['anchor', '--key', path('nowhere')],
      ['verify', '--anchors', path('none')],
      ['verify', '--anchors', file, '--public-key', path('key.pem')],
    ] as [string, ...string[]][])
  ) {
    const { code, lines } = await run(command, args)
    expect([command, code, lines.length]).toEqual([command, 2, 1])
  }
})

/** Signs and keeps the first anchor of a key, as it was made before there were more roots. */
async function anchorOfVersion2(keyFile: string): Promise<string> {
  const { sql } = ledger
  const key = await readKey(keyFile, 'PRIVATE KEY')
  const name = await nameOfKey(key)
  const { id, now } = await one(sql<{ id: string; now: string }[]>`
    select ledger.ledger_id() as id, clock_timestamp()::text as now`)
  const at = isoTimestamp(now)
  const roots = Object.entries(await rootsAt(sql, null, at))
    .filter(([member]) => !member.startsWith('user_'))
  const anchor = { version: 2, ledger: id, key: name, number: 1, previous: null, since: null, at }
  const line = JSON.stringify(
    await sign({ ...anchor, ...Object.fromEntries(roots) } as unknown as Anchor, key),
  )
  await sql`select ledger.add_anchor(${name}, 1, ${at}::text::timestamptz, ${line})`
  return line
}

test('an anchor of version 2 holds, and the next one covers from the start what it lacks', async () => {
  const { sql } = ledger
  await makeKeys('version_2')
  const [out, publicKey] = [path('version_2.jsonl'), path('version_2.pub')]
  const { id } = await one(sql<{ id: string }[]>`
    select id from create_user(reference => 'version 2')`)
  const first = await anchorOfVersion2(path('version_2.pem'))
  await writeFile(out, `${first}\n`)
  expect(await anchorFindings({ out, publicKey })).toEqual([])
  await anchorTo(out, 'version_2')
  await anchorTo(out, 'version_2')
  const lines = await linesOf(out)
  expect(lines[0]).toBe(first)
  const [, second, third] = lines.map((line) => JSON.parse(line) as Anchor)
  expect(second).toMatchObject({ version: 3, number: 2, since: null })
  expect(third).toMatchObject({ version: 3, number: 3, since: second!.at, user_details: 0 })
  expect(await anchorFindings({ out, publicKey })).toEqual([])

  await tamper(
    sql,
    `update user_details set metadata = '{}' where user_id = ${id}`,
    rehashDetails(id),
  )
  expect(await anchorFindings({ out, publicKey })).toEqual(['anchor_differs'])
  await tamper(
    sql,
    `update user_details set metadata = null where user_id = ${id}`,
    rehashDetails(id),
  )
  expect(await anchorFindings({ out, publicKey })).toEqual([])
})

const REHASH_MANUAL = `
  update manual_entries m
     set hash = ledger.manual_entry_hash(h, m.id, m.entered_at, m.entered_by)
    from payment_history h where h.user_id = m.user_id and h.id = m.id and h.seq is null`

/** Each leaves a ledger in which everything adds up. */
const REWRITES: Record<string, (id: number, peer: number) => string[]> = {
  'a cut tail': (id) => [
    `delete from payment_history where user_id = ${id} and seq = 2`,
    `update users u set seq = 1, balance = (select balance from payment_history h
       where h.user_id = u.id and h.seq = 1) where id = ${id}`,
  ],
  'a wholesale rewrite': (id) => [
    `update payment_history set metadata = '{"new": true}'
      where user_id = ${id} and seq is not null`,
    rehash(id, 1),
    rehash(id, 2),
  ],
  'a deleted user': (id) => [
    `delete from payment_history where user_id = ${id}`,
    `delete from manual_entries where user_id = ${id}`,
    `delete from holds where user_id = ${id}`,
    `delete from hold_changes where user_id = ${id}`,
    `delete from user_controls where user_id = ${id}`,
    `delete from user_details where user_id = ${id}`,
    `delete from user_references where user_id = ${id}`,
    `delete from users where id = ${id}`,
  ],
  'a hold of another amount': (id) => [
    `update hold_changes set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    `update holds set (amount, remaining) = (1, 1) where user_id = ${id} and hold = 1`,
    rehashHolds(id),
  ],
  'a hold that was never released': (id) => [
    `delete from hold_changes where user_id = ${id} and hold = 2 and number = 2`,
    `update holds set (status, remaining, changes) = ('active', amount, 1)
      where user_id = ${id} and hold = 2`,
    rehashHolds(id),
    `update users set hold_changes = 5 where id = ${id}`,
  ],
  'a hold that was removed': (id) => [
    `delete from holds where user_id = ${id} and hold = 2`,
    `delete from hold_changes where user_id = ${id} and hold = 2`,
    `update users set hold_changes = 4 where id = ${id}`,
  ],
  'a hold that expires later': (id) => [
    `update hold_changes set expires_at = 'infinity' where user_id = ${id} and hold = 1`,
    `update holds set expires_at = 'infinity' where user_id = ${id} and hold = 1`,
    rehashHolds(id),
  ],
  'a manual entry that says something else': (id) => [
    `update payment_history set amount = 6 where user_id = ${id} and seq is null`,
    REHASH_MANUAL,
  ],
  'a manual entry of somebody else': (id) => [
    `update manual_entries set entered_by = 'mallory' where user_id = ${id}`,
    REHASH_MANUAL,
  ],
  'a manual entry that was removed': (id) => [
    `delete from payment_history where user_id = ${id} and seq is null`,
    `delete from manual_entries where user_id = ${id}`,
  ],
  'a freeze by somebody else': (id) => [
    `update user_controls set role = 'mallory' where user_id = ${id} and number = 1`,
    rehashControls(id),
  ],
  'a limit that nobody set': (id) => [
    `delete from user_controls where user_id = ${id} and number = 3`,
    `update users set (credit_limit, hold_changes) = (null, 5) where id = ${id}`,
  ],
  'a reference of another user': (id, peer) => [
    `update user_references set user_id = ${peer} where user_id = ${id}`,
    `update user_details set reference = null where user_id = ${id}`,
    `update user_details set reference = (select reference from user_references r
       where r.user_id = ${peer}) where user_id = ${peer}`,
    rehashDetails(id),
    rehashDetails(peer),
  ],
  'a user who was made without a reference': (id) => [
    `delete from user_references where user_id = ${id}`,
    `delete from user_details where user_id = ${id}`,
  ],
  'other metadata of a user': (id) => [
    `update user_details set metadata = '{"iban": "DE1"}' where user_id = ${id}`,
    rehashDetails(id),
  ],
  'a history without interventions': () => [
    // Of the withdrawal, and so its manual entry.
    `delete from manual_entries m using interventions i
      where i.user_id = m.user_id and i.before -> 'id' = to_jsonb(m.id)`,
    'delete from interventions',
  ],
}

test.each(Object.entries(REWRITES))(
  '%s that adds up is found by an anchor',
  async (name, rewrite) => {
    const { sql } = ledger
    const { id: made } = await one(sql<{ id: string }[]>`
      select id from create_user(reference => ${name})`)
    const { id: peer } = await one(sql<{ id: string }[]>`
      select id from create_user(metadata => '{"peer": true}')`)
    const id = Number(made)
    await sql`select credit_user(${id}::bigint, 10), credit_user(${id}::bigint, 1)`
    await sql`select place_hold(${id}::bigint, 2, 3600), place_hold(${id}::bigint, 3)`
    await sql`select release_hold(${id}::bigint, 2)`
    await sql`select freeze_user(${id}::bigint), thaw_user(${id}::bigint)`
    await sql`select set_credit_limit(${id}::bigint, 5)`
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    const first = await firstAnchor(name.replaceAll(' ', '_'))
    expect(await anchorFindings(first)).toEqual([])
    await tamper(sql, ...rewrite(id, Number(peer)))
    expect([...await sql`select * from verify_ledger()`]).toEqual([])
    expect(await anchorFindings(first)).toEqual(['anchor_differs'])
  },
)
