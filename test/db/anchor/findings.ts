/** Anchors and files that are not what they were. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { rootsAt } from '../../../db/anchor_roots.ts'
import { type Anchor, nameOfKey, readKey, sign } from '../../../db/anchors.ts'
import { isoTimestamp } from '../../../src/database/database.ts'
import { one } from '../../support/ledger.ts'
import { sample } from '../../support/share.ts'
import { rehashDetails, tamper } from '../../support/tampering.ts'
import {
  anchorFindings,
  anchorTo,
  file,
  firstAnchor,
  ledger,
  linesOf,
  makeKeys,
  path,
  run,
  verify,
} from './ledger.ts'

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

test('an anchor that is made while the file is read is not missing', async () => {
  const { out, publicKey } = await firstAnchor('meanwhile')
  const pipe = path('meanwhile.pipe')
  execFileSync('mkfifo', [pipe])
  const findings = anchorFindings({ out: pipe, publicKey })
  // Opens once somebody reads it.
  const writer = await open(pipe, 'w')
  const before = await readFile(out)
  await anchorTo(out, 'meanwhile')
  await writer.write(before)
  await writer.close()
  expect(await findings).toEqual([])
  await writeFile(out, before)
  expect(await anchorFindings({ out, publicKey })).toEqual(['anchor_missing'])
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
    [{ hold_changes: real.hold_changes + 1 }, 'anchor_differs'],
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

/** The roots that anchors of a version have not. */
const LATER = { 2: /^(user|balances|lasting)_/, 3: /^(balances|lasting)_/ }

/** Signs and keeps the first anchor of a key, as it was made before there were more roots. */
async function anchorOfVersion(version: 2 | 3, keyFile: string): Promise<string> {
  const { sql } = ledger
  const key = await readKey(keyFile, 'PRIVATE KEY')
  const name = await nameOfKey(key)
  const { id, now } = await one(sql<{ id: string; now: string }[]>`
    select ledger.ledger_id() as id, clock_timestamp()::text as now`)
  const at = isoTimestamp(now)
  const roots = Object.entries(await rootsAt(sql, null, at))
    .filter(([member]) => !LATER[version].test(member))
  const anchor = { version, ledger: id, key: name, number: 1, previous: null, since: null, at }
  const line = JSON.stringify(
    await sign({ ...anchor, ...Object.fromEntries(roots) } as unknown as Anchor, key),
  )
  await sql`select ledger.add_anchor(${name}, 1, ${at}::text::timestamptz, ${line})`
  return line
}

test.each([2, 3] as const)(
  'an anchor of version %s holds, and the next one covers from the start what it lacks',
  async (version) => {
    const { sql } = ledger
    const name = `version_${version}`
    await makeKeys(name)
    const [out, publicKey] = [path(`${name}.jsonl`), path(`${name}.pub`)]
    const { id } = await one(
      sql<{ id: string }[]>`select id from create_user(reference => ${name})`,
    )
    const first = await anchorOfVersion(version, path(`${name}.pem`))
    await writeFile(out, `${first}\n`)
    expect(await anchorFindings({ out, publicKey })).toEqual([])
    await anchorTo(out, name)
    await anchorTo(out, name)
    const lines = await linesOf(out)
    expect(lines[0]).toBe(first)
    const [, second, third] = lines.map((line) => JSON.parse(line) as Anchor)
    expect(second).toMatchObject({ version: 4, number: 2, since: null })
    expect(third).toMatchObject({ version: 4, number: 3, since: second!.at, user_details: 0 })
    expect(await anchorFindings({ out, publicKey })).toEqual([])

    await tamper(
      sql,
      `update user_details set metadata = '{}' where user_id = ${id}`,
      rehashDetails(id),
    )
    expect(await anchorFindings({ out, publicKey })).toContain('anchor_differs')
    await tamper(
      sql,
      `update user_details set metadata = null where user_id = ${id}`,
      rehashDetails(id),
    )
    expect(await anchorFindings({ out, publicKey })).toEqual([])
  },
)
