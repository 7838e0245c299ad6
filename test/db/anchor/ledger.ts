/** A ledger, keys and anchors of anchor.test.ts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { makeAnchor } from '../../../db/make_anchor.ts'
import { verifyAnchors } from '../../../db/verify_anchors.ts'
import { useLedger } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'

export const ledger = useLedger()

let folder: string
let maker: postgres.Sql
export let ids: number[]
export let file: string

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

export const path = (name: string) => join(folder, name)

/** As `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them. */
export async function makeKeys(name: string): Promise<void> {
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

export async function run(command: string, args: string[], env: Record<string, string> = {}) {
  const process = runTypeScript(`db/${command}.ts`, args, { DATABASE_URL: ledger.url, ...env })
  const code = await process.ended
  // Node 20 warns that Ed25519 is new.
  const lines = process.output().split('\n').filter((line) => line && !/Warning|--trace/.test(line))
  return { code, lines }
}

/** Exit code, and the names of the findings. */
export async function verify(...args: string[]) {
  const { code, lines } = await run('verify', args)
  return [code, ...lines.slice(0, -1).map((line) => line.split('\t')[0])]
}

/** The findings of anchors alone, by the function that the command calls, without a process. */
export async function anchorFindings({ out, publicKey }: { out: string; publicKey?: string }) {
  const findings: string[] = []
  await verifyAnchors(ledger.sql, out, publicKey, ({ finding }) => findings.push(finding))
  return findings
}

/** Makes one, signed with the key of this name if any, by the function that the command calls. */
export const anchorTo = (out: string, key?: string) =>
  makeAnchor(maker, { out, ...(key && { keyFile: path(`${key}.pem`) }) })

/** A file with one signed anchor, the first of its key, and how to verify it. */
export async function firstAnchor(name: string) {
  await makeKeys(name)
  const out = path(`${name}.jsonl`)
  await anchorTo(out, name)
  const publicKey = path(`${name}.pub`)
  return { out, publicKey, args: ['--anchors', out, '--public-key', publicKey] }
}

export const linesOf = async (name: string) => (await readFile(name, 'utf8')).trimEnd().split('\n')
