import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Anchor } from '../../db/anchors.ts'
import { useLedger } from '../support/ledger.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { rehash, tamper } from '../support/tampering.ts'

const ledger = useLedger()

let folder: string
let ids: number[]
let file: string

beforeAll(async () => {
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

const anchor = async () => JSON.parse((await run('anchor', [])).lines[0]!) as Anchor

async function anchorFile(...anchors: (Anchor | string)[]): Promise<string> {
  const name = path('forged.jsonl')
  const lines = anchors.map((a) => typeof a === 'string' ? a : JSON.stringify(a))
  await writeFile(name, lines.join('\n'))
  return name
}

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
  expect(await anchor()).toEqual({
    version: 1,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    users: 3,
    rows: 4,
    root: hash.digest('hex'),
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
  const key = ['--key', path('key.pem')]
  expect(await run('anchor', ['--out', file, ...key])).toEqual({ code: 0, lines: [] })
  const { sql } = ledger
  await sql`select credit_user(${ids[2]!}::bigint, 1), debit_user(${ids[0]!}::bigint, 1)`
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${ids[1]!}, 'CREDIT', 1, '2001-01-01')`
  await sql`select recalculate_balance(${ids[1]!}::bigint)`
  await ledger.user(7)
  expect(await run('anchor', ['--out', file], { ANCHOR_KEY_FILE: path('key.pem') }))
    .toEqual({ code: 0, lines: [] })
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3)
  expect(await verify('--anchors', file)).toEqual([0])
  expect(await verify('--anchors', file, '--public-key', path('key.pub'))).toEqual([0])
})

test('signed and unsigned anchors have files of their own, where --public-key takes all or none', async () => {
  const key = ['--key', path('key.pem')]
  const out = path('mixed.jsonl')
  const lines = async () => (await readFile(out, 'utf8')).trimEnd().split('\n')
  for (const [first, then] of [[[], key], [key, []]] as [string[], string[]][]) {
    await rm(out, { force: true })
    expect((await run('anchor', ['--out', out, ...first])).code).toBe(0)
    const { code, lines: [line] } = await run('anchor', ['--out', out, ...then])
    expect([code, line]).toEqual([
      2,
      expect.stringMatching(/ anchors: give .+ a file of their own$/),
    ])
    expect(await lines()).toHaveLength(1)
  }
  expect(await verify('--anchors', out, '--public-key', path('key.pub'))).toEqual([0])
})

test('an anchor begins a line, also behind one that was cut short', async () => {
  const out = path('cut.jsonl')
  await writeFile(out, '{"version":1,"at":"20')
  expect((await run('anchor', ['--out', out])).code).toBe(0)
  expect(await verify('--anchors', out)).toEqual([1, 'anchor_invalid'])
  expect((await readFile(out, 'utf8')).split('\n')).toHaveLength(3)
})

test('forged and edited anchors are found', async () => {
  const real = JSON.parse((await readFile(file, 'utf8')).split('\n')[0]!) as Anchor
  const { signature: _, ...unsigned } = real
  const edits: [string, Anchor | string][] = [
    ['anchor_differs', { ...real, root: real.root.replace(/^./, (c) => c === '0' ? '1' : '0') }],
    ['anchor_differs', { ...real, rows: real.rows + 1 }],
    ['anchor_differs', { ...real, users: real.users - 1 }],
    ['anchor_differs', { ...real, at: real.at.replace(/^\d+/, '2020') }],
    ['anchor_invalid', { ...real, at: real.at.replace(/^\d+/, '2999') }],
    ['anchor_invalid', { ...real, version: 2 as 1 }],
    ['anchor_invalid', '{"version":1}'],
    ['anchor_invalid', 'x'],
  ]
  const forged = await anchorFile(...edits.map(([, line]) => line))
  expect(await verify('--anchors', forged)).toEqual([1, ...edits.map(([finding]) => finding)])

  const key = ['--public-key', path('key.pub')]
  expect(await verify('--anchors', await anchorFile(unsigned), ...key))
    .toEqual([1, 'anchor_signature'])
  expect(await verify('--anchors', file, '--public-key', path('other.pub')))
    .toEqual([1, 'anchor_signature', 'anchor_signature'])
  // All of an honest anchor of this moment but the signature, which is of another.
  const swapped = { ...await anchor(), signature: real.signature }
  expect(await verify('--anchors', await anchorFile(swapped), ...key))
    .toEqual([1, 'anchor_signature'])
})

test('a key or an anchor file that is none ends with 2 and one line', async () => {
  await writeFile(path('none'), '')
  for (
    const [command, ...args] of [
      ['anchor', '--key', path('none')],
      ['anchor', '--key', path('key.pub')],
      ['anchor', '--key', path('nowhere')],
      ['verify', '--anchors', path('none')],
      ['verify', '--anchors', file, '--public-key', path('key.pem')],
    ] as [string, ...string[]][]
  ) {
    const { code, lines } = await run(command, args)
    expect([command, code, lines.length]).toEqual([command, 2, 1])
  }
})

/** Each leaves a ledger in which everything adds up. */
const REWRITES: Record<string, (id: number) => string[]> = {
  'a cut tail': (id) => [
    `delete from payment_history where user_id = ${id} and seq = 2`,
    `update users u set seq = 1, balance = (select balance from payment_history h
       where h.user_id = u.id and h.seq = 1) where id = ${id}`,
  ],
  'a wholesale rewrite': (id) => [
    `update payment_history set metadata = '{"new": true}' where user_id = ${id}`,
    rehash(id, 1),
    rehash(id, 2),
  ],
  'a deleted user': (id) => [
    `delete from payment_history where user_id = ${id}`,
    `delete from users where id = ${id}`,
  ],
}

test.each(Object.entries(REWRITES))('%s that adds up is found by an anchor', async (_, rewrite) => {
  const id = await ledger.user(10)
  await ledger.sql`select credit_user(${id}::bigint, 1)`
  const before = await anchorFile(await anchor())
  expect(await verify('--anchors', before)).toEqual([0])
  await tamper(ledger.sql, ...rewrite(id))
  expect(await verify()).toEqual([0])
  expect(await verify('--anchors', before)).toEqual([1, 'anchor_differs'])
})
