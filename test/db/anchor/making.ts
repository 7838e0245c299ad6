/** Anchors are made, and extended. */
import { rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Anchor } from '../../../db/anchors.ts'
import { one } from '../../support/ledger.ts'
import {
  anchorFindings,
  anchorTo,
  file,
  firstAnchor,
  ids,
  ledger,
  linesOf,
  path,
  run,
  verify,
} from './ledger.ts'

const anchor = async () => JSON.parse((await run('anchor', [])).lines[0]!) as Anchor

test('npm run anchor writes one line: the hash of all heads', async () => {
  const heads = await ledger.sql`
    select distinct on (user_id) user_id, seq, hash, balance from payment_history
     order by user_id, seq desc`
  const [hash, balances] = [createHash('sha256'), createHash('sha256')]
  for (const head of heads) {
    const numbers = Buffer.alloc(16)
    numbers.writeBigInt64BE(BigInt(head['user_id']))
    numbers.writeBigInt64BE(BigInt(head['seq']), 8)
    hash.update(numbers).update(head['hash'])
    balances.update(numbers).update(createHash('sha256').update(head['balance']).digest())
  }
  const none = createHash('sha256').digest('hex')
  const printed = await anchor()
  const { id } = await one(ledger.sql<{ id: string }[]>`select ledger.ledger_id() as id`)
  const first = {
    version: 4,
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
    balances_root: balances.digest('hex'),
    lasting_root: none,
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
