/** What an anchor is: the heads of all chains at a moment in one hash, which may be signed. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type postgres from 'postgres'
import { z } from 'zod'

const PAGE_USERS = 10_000

export interface Root {
  /** How many users had entries, and how many entries they had. */
  users: number
  rows: number
  /** Hex. */
  root: string
}

export interface Anchor extends Root {
  version: 1
  /** RFC 3339 in UTC, with microseconds. */
  at: string
  /** Ed25519 over `signedBytes`, base64. */
  signature?: string | undefined
}

const anchorShape = z.strictObject({
  version: z.literal(1),
  at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  users: z.int().min(0),
  rows: z.int().min(0),
  root: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.base64().optional(),
})

/** The anchor in a line of a file; undefined if it is none. */
export function parseAnchor(line: string): Anchor | undefined {
  try {
    return anchorShape.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

/**
 * sha256 over the heads of all users with entries as of `at`, in order of id: user id and seq as
 * big-endian int64, then the 32 bytes of the hash.
 */
export async function rootAt(sql: postgres.Sql, at: string): Promise<Root> {
  const hash = createHash('sha256')
  let users = 0
  let rows = 0
  let after = '0'
  for (;;) {
    // Not as bytea, which a session may print as it likes.
    const heads = await sql<{ user_id: string; seq: string; hash: string | null }[]>`
      select user_id, seq, encode(hash, 'hex') as hash
        from ledger.heads_at(${at}::text::timestamptz, ${after}::bigint, ${PAGE_USERS}::integer)`
    for (const head of heads) {
      if (head.seq === '0') continue
      const numbers = new DataView(new ArrayBuffer(16))
      numbers.setBigInt64(0, BigInt(head.user_id))
      numbers.setBigInt64(8, BigInt(head.seq))
      // A head whose row is gone has no hash: another root, as it must be.
      hash.update(numbers).update(head.hash ?? '', 'hex')
      users++
      rows += Number(head.seq)
    }
    if (heads.length < PAGE_USERS) return { users, rows, root: hash.digest('hex') }
    after = heads.at(-1)!.user_id
  }
}

/** What a signature covers: every member but itself, each on a line. */
const signedBytes = ({ version, at, users, rows, root }: Anchor) =>
  new TextEncoder().encode(`ledger anchor ${version}\n${at}\n${users}\n${rows}\n${root}\n`)

export async function sign(anchor: Anchor, keyFile: string): Promise<Anchor> {
  const key = await readKey(keyFile, 'PRIVATE KEY')
  const signature = await crypto.subtle.sign('Ed25519', key, signedBytes(anchor))
  return { ...anchor, signature: Buffer.from(signature).toString('base64') }
}

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
    return await crypto.subtle.importKey(isPrivate ? 'pkcs8' : 'spki', der, 'Ed25519', false, [
      isPrivate ? 'sign' : 'verify',
    ])
  } catch (error) {
    throw new Error(`${file} is not a PEM of an Ed25519 ${label.toLowerCase()}`, { cause: error })
  }
}
