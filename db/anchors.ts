/** What an anchor is: the heads of all chains at a moment in one hash, which may be signed. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** Of moments, for to_char: RFC 3339 in UTC, with microseconds. */
export const MOMENT_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)

/** In the order in which an anchor's line has them, and its signature covers them. */
const version2 = z.strictObject({
  version: z.literal(2),
  /** Of which ledger. */
  ledger: z.uuid(),
  /** sha256 of the public key that it is signed with, hex; null without a signature. */
  key: hash.nullable(),
  /** 1, 2, 3 … for each key. */
  number: z.int().min(1),
  /** sha256 of the line of the anchor before it, hex; null for the first. */
  previous: hash.nullable(),
  /** `at` of the anchor before it, if that has the same version. */
  since: moment.nullable(),
  /** RFC 3339 in UTC, with microseconds. */
  at: moment,
  /** How many users had entries, how many entries they had, and the hash of all heads, hex. */
  users: count,
  rows: count,
  root: hash,
  /** What else was done between `since` and `at`: how much of it, and one hash of it. */
  hold_changes: count,
  hold_changes_root: hash,
  manual_entries: count,
  manual_entries_root: hash,
  interventions: count,
  interventions_root: hash,
  /** Ed25519 over `signedBytes`, base64. */
  signature: z.base64().optional(),
})

const version3 = version2.extend({
  version: z.literal(3),
  user_controls: count,
  user_controls_root: hash,
  /** Users who were made with a reference, metadata or a key. */
  user_details: count,
  user_details_root: hash,
})

const version4 = version3.extend({
  version: z.literal(4),
  /** What no erasure takes out: of the heads, and of what was done between `since` and `at`. */
  balances_root: hash,
  lasting_root: hash,
})

const anchorShape = z.discriminatedUnion('version', [version2, version3, version4])

export type NewAnchor = z.infer<typeof version4>
export type Anchor = z.infer<typeof anchorShape>

/** The anchor in a line of a file; undefined if it is none. */
export function parseAnchor(line: string): Anchor | undefined {
  try {
    return anchorShape.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** What the next anchor names the one with this line by. */
export const hashOfLine = (line: string): string => createHash('sha256').update(line).digest('hex')

/** What a signature covers: every member but itself, each on a line. */
function signedBytes(anchor: Anchor): Uint8Array<ArrayBuffer> {
  const { signature: _, ...rest } = anchorShape.parse(anchor)
  const lines = Object.values(rest).map((value) => `${value ?? ''}\n`)
  return new TextEncoder().encode(`ledger anchor\n${lines.join('')}`)
}

/**
 * Signs an anchor with the Ed25519 key in a PEM file.
 * @throws Error with one line if the file isn't such a key
 */
export async function sign(anchor: Anchor, key: CryptoKey): Promise<Anchor> {
  const signature = await crypto.subtle.sign('Ed25519', key, signedBytes(anchor))
  return { ...anchor, signature: Buffer.from(signature).toString('base64') }
}

/** Whether the anchor has a valid signature of this public key. */
export async function isSignedBy(anchor: Anchor, key: CryptoKey): Promise<boolean> {
  if (!anchor.signature) return false
  const signature = Buffer.from(anchor.signature, 'base64')
  return await crypto.subtle.verify('Ed25519', key, signature, signedBytes(anchor))
}

/** @throws Error with one line if the file isn't a PEM of such an Ed25519 key */
export async function readKey(
  file: string,
  label: 'PRIVATE KEY' | 'PUBLIC KEY',
): Promise<CryptoKey> {
  const text = await readFile(file, 'utf8')
  const base64 = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`).exec(text)
  const der = Buffer.from(base64?.[1] ?? '', 'base64')
  const isPrivate = label === 'PRIVATE KEY'
  try {
    return await crypto.subtle.importKey(isPrivate ? 'pkcs8' : 'spki', der, 'Ed25519', true, [
      isPrivate ? 'sign' : 'verify',
    ])
  } catch (error) {
    throw new Error(`${file} is not a PEM of an Ed25519 ${label.toLowerCase()}`, { cause: error })
  }
}

/** What anchors name a key by, given either half of it. */
export async function nameOfKey(key: CryptoKey): Promise<string> {
  const { x } = await crypto.subtle.exportKey('jwk', key)
  return createHash('sha256').update(x!, 'base64url').digest('hex')
}
