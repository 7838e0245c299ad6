/** An anchor: what the ledger is at a moment, as a line that the ledger knows of. */
import { appendFile, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { rootsAt } from './anchor_roots.ts'
import {
  type Anchor,
  hashOfLine,
  MOMENT_FORMAT,
  nameOfKey,
  type NewAnchor,
  parseAnchor,
  readKey,
  sign,
} from './anchors.ts'
import { createAskServers } from './citus/ask_servers.ts'

const WAIT_SECONDS = 60

/** The clock as RFC 3339, in any session. */
const CLOCK = `to_char(clock_timestamp() at time zone 'UTC', '${MOMENT_FORMAT}')`

/**
 * A moment before which nothing can be added any more. An entry takes its time after its
 * transaction got a number, so once all numbers given out by then are done, it has passed. Of
 * several servers, it is the moment of the clock that is behind, and each has numbers of its own,
 * those of prepared transactions included.
 */
async function settledMoment(sql: postgres.Sql): Promise<string> {
  const [standby] = await sql<{ here: boolean }[]>`select pg_is_in_recovery() as here`
  if (standby!.here) throw new Error('a standby may lag behind: anchor the primary')
  const ask = await createAskServers(sql)
  const [at] = (await ask(CLOCK)).sort()
  // Numbers of our own: xmax of a snapshot may be lower than those that are at work.
  const mine = (await ask('pg_current_xact_id()')).map(BigInt)
  const end = performance.now() + WAIT_SECONDS * 1000
  for (;;) {
    const open = (await ask('pg_snapshot_xmin(pg_current_snapshot())')).map(BigInt)
    if (open.every((xmin, n) => xmin >= mine[n]!)) return at!
    if (performance.now() > end) {
      throw new Error(`a transaction has been open for more than ${WAIT_SECONDS} seconds`)
    }
    await sleep(20)
  }
}

interface File {
  name: string
  /** Whether its last line is whole: whoever wrote it may have been killed in the middle. */
  endsLine: boolean
  anchors: Anchor[]
}

/** @throws Error with one line if its anchors are of another ledger or key */
async function readAnchors(name: string, ledger: string, key: string | null): Promise<File> {
  const text = await readFile(name, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const anchors = text.split('\n').map(parseAnchor).filter((anchor) => anchor !== undefined)
  if (anchors.some((anchor) => anchor.ledger !== ledger)) {
    throw new Error(`${name} has anchors of another ledger`)
  }
  const other = anchors.find((anchor) => anchor.key !== key)
  if (other) {
    const whose = other.key === null ? 'unsigned anchors' : `anchors of the key ${other.key}`
    throw new Error(`${name} has ${whose}: give other ones a file of their own`)
  }
  return { name, endsLine: text === '' || text.endsWith('\n'), anchors }
}

interface Last {
  line: string
  anchor: Anchor
}

/** @throws Error with one line if what the ledger keeps is no anchor */
async function lastAnchor(sql: postgres.Sql, key: string | null): Promise<Last | undefined> {
  const [row] = await sql<{ line: string }[]>`
    select line from ledger.anchors where key = ${key ?? ''} order by number desc limit 1`
  if (!row) return undefined
  const anchor = parseAnchor(row.line)
  if (!anchor) throw new Error('the last line in ledger.anchors is no anchor: somebody edited it')
  return { line: row.line, anchor }
}

/** The line of a new anchor, of which the ledger knows. */
async function addAnchor(
  sql: postgres.Sql,
  ledger: string,
  last: Last | undefined,
  key: CryptoKey | undefined,
): Promise<string> {
  const name = key ? await nameOfKey(key) : null
  const at = await settledMoment(sql)
  // Those of version 2 and 3 lack some of what the first one of version 4 covers from the start.
  const since = last?.anchor.version === 4 ? last.anchor.at : null
  const anchor: NewAnchor = {
    version: 4,
    ledger,
    key: name,
    number: (last?.anchor.number ?? 0) + 1,
    previous: last ? hashOfLine(last.line) : null,
    since,
    at,
    ...await rootsAt(sql, since, at),
  }
  const line = JSON.stringify(key ? await sign(anchor, key) : anchor)
  await sql`set default_transaction_read_only = off`
  await sql`
    select ledger.add_anchor(${name ?? ''}, ${anchor.number}::bigint, ${at}::text::timestamptz,
      ${line})`
  return line
}

/** Appends what a file lacks of the anchors that the ledger knows of. */
async function complete(sql: postgres.Sql, file: File, key: string | null): Promise<void> {
  const numbers = file.anchors.map(({ number }) => number)
  const lines = await sql<{ line: string }[]>`
    select line from ledger.anchors
     where key = ${key ?? ''} and number <> all (${`{${numbers.join(',')}}`}::text::bigint[])
     order by number`
  const text = lines.map(({ line }) => `${line}\n`).join('')
  await appendFile(file.name, `${file.endsLine ? '' : '\n'}${text}`)
}

/**
 * Makes an anchor, and with `out` appends it to that file, behind those before it that are missing
 * there.
 * @param sql one connection, which may write from then on
 * @returns its line
 * @throws Error with one line; then there is none
 */
export async function makeAnchor(
  sql: postgres.Sql,
  { out, keyFile }: { out?: string | undefined; keyFile?: string | undefined },
): Promise<string> {
  const key = keyFile ? await readKey(keyFile, 'PRIVATE KEY') : undefined
  const name = key ? await nameOfKey(key) : null
  const [row] = await sql<{ id: string }[]>`select ledger.ledger_id() as id`
  const file = out ? await readAnchors(out, row!.id, name) : undefined
  const last = await lastAnchor(sql, name)
  if (file?.anchors.some(({ number }) => number > (last?.anchor.number ?? 0))) {
    throw new Error(`${out} has anchors that this ledger didn't make: verify them first`)
  }
  const line = await addAnchor(sql, row!.id, last, key)
  if (file) await complete(sql, file, name)
  return line
}
