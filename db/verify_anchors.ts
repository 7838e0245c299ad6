/** Whether a ledger continues what its anchors say, and whether all of these are still there. */
import { readFile } from 'node:fs/promises'
import type postgres from 'postgres'
import { type Roots, rootsAt } from './anchor_roots.ts'
import { type Anchor, hashOfLine, isSignedBy, MOMENT_FORMAT } from './anchors.ts'
import { nameOfKey, parseAnchor, readKey } from './anchors.ts'

export interface AnchorFinding {
  finding: 'anchor_differs' | 'anchor_invalid' | 'anchor_missing' | 'anchor_signature'
  detail: string
}

interface Line {
  /** Where, for people. */
  place: string
  text: string
  anchor: Anchor
}

/**
 * Compares every anchor of a file with today's rows, with the anchor before it, and with those that
 * the ledger knows of; with a public key, all of them have to be signed by it.
 * @returns how many anchors there are
 * @throws Error with one line if the file has none
 */
export async function verifyAnchors(
  sql: postgres.Sql,
  file: string,
  keyFile: string | undefined,
  found: (finding: AnchorFinding) => void,
): Promise<number> {
  const key = keyFile ? await readKey(keyFile, 'PUBLIC KEY') : undefined
  const [row] = await sql<{ id: string }[]>`select ledger.ledger_id() as id`
  // Before the file: what is made from here on may be missing in what is read of it.
  const kept = await sql<{ key: string; last: string }[]>`
    select key, max(number) as last from ledger.anchors group by key`
  const lastOf = new Map(kept.map((one) => [one.key, Number(one.last)]))
  const lines: Line[] = []
  const texts = (await readFile(file, 'utf8')).split('\n')
  if (texts.at(-1) === '') texts.pop()
  if (texts.length === 0) throw new Error(`${file} has no anchors`)
  for (const [n, text] of texts.entries()) {
    const place = `Line ${n + 1} of ${file}`
    const anchor = parseAnchor(text)
    const invalid = (why: string) =>
      found({ finding: 'anchor_invalid', detail: `${place}: ${why}.` })
    if (!anchor) invalid('not an anchor')
    else if (anchor.ledger !== row!.id) invalid('of another ledger')
    else lines.push({ place, text, anchor })
  }
  for (const line of lines) {
    if (!key || await isSignedBy(line.anchor, key)) continue
    const detail = line.anchor.signature ? 'not signed by this key' : 'not signed'
    found({ finding: 'anchor_signature', detail: `${line.place}: ${detail}.` })
  }
  const names = new Set(lines.map(({ anchor }) => anchor.key ?? ''))
  if (key) names.add(await nameOfKey(key))
  for (const name of names) {
    const ofKey = lines.filter(({ anchor }) => (anchor.key ?? '') === name)
    await verifyOrder(sql, file, { name, last: lastOf.get(name) ?? 0 }, ofKey, found)
  }
  for (const line of lines) await verifyRoots(sql, line, found)
  return lines.length
}

/** The first one of a version covers what was done from the start, as far as `since` goes. */
const follows = (anchor: Anchor, before: Line): boolean =>
  hashOfLine(before.text) === anchor.previous && before.anchor.version <= anchor.version &&
  anchor.since === (before.anchor.version === anchor.version ? before.anchor.at : null)

/**
 * That anchors of a key follow one another, that the ledger made them, and that none is missing up
 * to the last one that the file has to have.
 */
async function verifyOrder(
  sql: postgres.Sql,
  file: string,
  key: { name: string; last: number },
  lines: Line[],
  found: (finding: AnchorFinding) => void,
): Promise<void> {
  const made = await sql<{ number: string; at: string; line: string }[]>`
    select number, to_char(at at time zone 'UTC', ${MOMENT_FORMAT}) as at, line
      from ledger.anchors where key = ${key.name} order by number`
  const known = new Map(made.map(({ number, ...row }) => [Number(number), row]))
  const inFile = new Map(lines.map((line) => [line.anchor.number, line]))
  for (const { place, text, anchor } of lines) {
    const invalid = (detail: string) =>
      found({ finding: 'anchor_invalid', detail: `${place}: ${detail}.` })
    const before = inFile.get(anchor.number - 1)
    const row = known.get(anchor.number)
    if (row?.line !== text) invalid('the ledger made no such anchor')
    else if (row.at !== anchor.at) invalid(`the ledger made it at ${row.at}`)
    if (anchor.at <= (anchor.since ?? before?.anchor.at ?? '')) {
      invalid('earlier than the anchor before it')
    }
    if (
      (anchor.number === 1) !== (anchor.previous === null) ||
      (anchor.previous === null && anchor.since !== null)
    ) invalid('its number and what it names before it contradict each other')
    if (before && !follows(anchor, before)) {
      invalid(`doesn't follow ${before.place.toLowerCase()}`)
    }
  }
  const last = Math.max(key.last, ...inFile.keys())
  for (let number = 1; number <= last; number++) {
    if (inFile.has(number)) continue
    const whose = key.name ? `of the key ${key.name}` : 'without a signature'
    const detail = `Anchor ${number} ${whose} is not in ${file}.`
    found({ finding: 'anchor_missing', detail })
  }
}

/** What each root is of. */
const PARTS: Partial<Record<keyof Roots, string>> = {
  root: 'entries',
  hold_changes_root: 'holds',
  manual_entries_root: 'manual entries',
  interventions_root: 'interventions',
  user_controls_root: 'controls of users',
  user_details_root: 'details of users',
  balances_root: 'balances',
  lasting_root: 'amounts, limits or moments',
}

async function verifyRoots(
  sql: postgres.Sql,
  { place, anchor }: Line,
  found: (finding: AnchorFinding) => void,
): Promise<void> {
  const [clock] = await sql<{ passed: boolean }[]>`
    select ${anchor.at}::text::timestamptz <= clock_timestamp() as passed`
  if (!clock!.passed) {
    found({ finding: 'anchor_invalid', detail: `${place}: ${anchor.at} has yet to come.` })
    return
  }
  const roots = await rootsAt(sql, anchor.since, anchor.at)
  // Of those of earlier versions, what they have.
  const then: Partial<Roots> = anchor
  const differ = (Object.keys(roots) as (keyof Roots)[])
    .filter((name) => then[name] !== undefined && then[name] !== roots[name])
    .map((name) =>
      PARTS[name] ? `other ${PARTS[name]}` : `${name} ${then[name]} then, ${roots[name]} today`
    )
  if (differ.length === 0) return
  const detail = `${place}: as of ${anchor.at} there are ${differ.join(', ')}.`
  found({ finding: 'anchor_differs', detail })
}
