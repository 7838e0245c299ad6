/** After the fault: what has to be true, whatever happened. */
import type postgres from 'postgres'
import { findingsOf } from '../support/findings.ts'
import { type HttpChannel, send, writeOverHttp } from './http_channel.ts'
import { keysOf, readRows, type Rows } from './ledger_rows.ts'
import { pause, until } from './pause.ts'
import {
  isDone,
  isUnknown,
  lastAnswer,
  type Record,
  UNKEYED,
  wasUnknown,
  type Write,
} from './record.ts'
import { replay } from './replay.ts'
import type { SqlChannel } from './sql_channel.ts'

/** A change through SQL shows everywhere soon; what hasn't by then never will. */
const FRESH_MS = 100_000
const QUIET_MS = 100_000
const REPEATS_AT_ONCE = 8
const MAX_TRIES = 50
/** Every so many acknowledged writes are repeated, too. */
const SAMPLE = 25

export interface ProofOptions {
  record: Record
  /** As superuser, past the proxy. */
  sql: postgres.Sql
  channel: HttpChannel
  /** Of the instances, all up. */
  urls: string[]
  person: SqlChannel
}

/** What became of the writes that were left without an answer. */
export interface Impact {
  committed: number
  lost: number
}

/** Adds to the record's violations whatever isn't true. */
export async function prove(options: ProofOptions): Promise<Impact> {
  const { record, sql } = options
  await untilQuiet(sql)
  const before = keysOf(await readRows(sql, record.ids))
  const impact = impactOf(record, before)
  checkTogether(record, before)
  await repeatAll(options, before)
  for (const id of record.ids) await sql`select recalculate_balance(${id}::bigint)`
  const rows = await readRows(sql, record.ids)
  checkKeys(record, rows)
  checkReads(record, rows)
  for (const violation of replay(record.writes, rows, record.ids.length)) {
    record.violations.add(violation)
  }
  for (const { finding, user_id, seq } of await sql`select * from verify_ledger()`) {
    record.violations.add(`verify_ledger: ${finding} ${user_id}/${seq}`)
  }
  for (const finding of await findingsOf(sql)) record.violations.add(finding)
  await checkSnapshots(options)
  return impact
}

/** How many of the writes that nobody knows about are there, and how many aren't. */
export function impactOf({ writes }: Record, keys: Map<string, number>): Impact {
  const unknown = writes.filter(isUnknown)
  const committed = unknown.filter(({ key }) => keys.has(key)).length
  return { committed, lost: unknown.length - committed }
}

/** What was in flight when its caller gave up has come to its end. */
async function untilQuiet(sql: postgres.Sql): Promise<void> {
  const isQuiet = await until(QUIET_MS, async () =>
    (await sql`select from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                  and state <> 'idle' and backend_type = 'client backend'`).length === 0)
  if (!isQuiet) throw new Error('somebody is still at work in the database')
}

/** Of one transaction there is all or nothing. */
function checkTogether({ writes, violations }: Record, keys: Map<string, number>): void {
  for (const write of writes) {
    if (write.with !== undefined && keys.has(write.key) !== keys.has(write.with)) {
      violations.add(`half of a transaction is there: ${write.key}`)
    }
  }
}

async function repeatAll(options: ProofOptions, before: Map<string, number>): Promise<void> {
  const { record: { writes, violations } } = options
  const unknown = writes.filter(isUnknown)
  const acknowledged = writes.filter(isDone).filter((_, i) => i % SAMPLE === 0)
  const todo = [...unknown, ...acknowledged]
  await Promise.all(Array.from({ length: REPEATS_AT_ONCE }, async () => {
    for (let write = todo.pop(); write; write = todo.pop()) {
      const first = lastAnswer(write)!
      await repeat(options, write, isDone(write) ? otherChannel(write) : sameChannel(write))
      const answer = lastAnswer(write)!
      const wasThere = before.has(write.key)
      if (answer.end === 'unknown') violations.add(`${write.key} has no answer after healing`)
      if (answer.end === 'refused' && wasThere) violations.add(`${write.key} is there, but denied`)
      if (answer.end !== 'done') continue
      if (answer.replayed !== wasThere) {
        violations.add(`${write.key} was ${wasThere ? '' : 'not '}there, and taken for the other`)
      }
      if (first.end === 'done' && !UNKEYED.includes(write.kind)) {
        const [told, again] = [first, answer].map(({ rows }) => rows.join())
        if (told !== again) violations.add(`${write.key} was ${told}, and on repetition ${again}`)
      }
    }
  }))
}

/** Only SQL can look for what has no key. */
const sameChannel = ({ channel, kind }: Write) => UNKEYED.includes(kind) ? 'sql' : channel

/** Where the same key has to get the same answer. */
const otherChannel = ({ channel, kind }: Write) =>
  UNKEYED.includes(kind) || channel === 'http' ? 'sql' : 'http'

/** With its key, until there is an answer: nobody holds anybody up now. */
async function repeat(
  { channel, urls, person }: ProofOptions,
  write: Write,
  through: Write['channel'],
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const answer = through === 'sql'
      ? await person.perform(write)
      : await writeOverHttp(channel, urls[tries % urls.length]!, write)
    write.answers.push(answer)
    const isBusy = answer.end === 'refused' && ['busy', '55P03'].includes(answer.code)
    if (answer.end !== 'unknown' && !isBusy) return
    await pause(50)
  }
}

function checkKeys({ writes, violations }: Record, rows: Rows): void {
  const keys = keysOf(rows)
  for (const write of writes) {
    const { key, kind } = write
    const times = keys.get(key) ?? 0
    if (isDone(write) && times !== 1) violations.add(`${kind} ${key} is there ${times} times`)
    if (!isDone(write) && times !== 0) violations.add(`${kind} ${key} was refused, and is there`)
    keys.delete(key)
  }
  for (const key of keys.keys()) violations.add(`${key} is there, and nobody sent it`)
}

/** Every snapshot that was ever read is one that there was, and no older than it may be. */
function checkReads({ reads, violations }: Record, rows: Rows): void {
  const balances = new Map(
    rows.entries.map(({ user, seq, balance }) => [`${user}/${seq}`, balance]),
  )
  for (const { user, seq, atLeastSeq, balance } of reads) {
    const name = `${user}/${seq}`
    const found = seq === 0 ? 0n : balances.get(name)
    if (BigInt(balance.replace('.', '')) !== found) violations.add(`${name} was read as ${balance}`)
    if (seq < atLeastSeq) violations.add(`${name} was read, after ${atLeastSeq} was acknowledged`)
  }
}

/** Each instance says what the database says, from the cache and without it. */
async function checkSnapshots({ record, sql, channel, urls }: ProofOptions): Promise<void> {
  const found = new Map(
    (await sql`select * from ledger.get_users(${`{${record.ids.join(',')}}`}::bigint[])`)
      .map((row) => [Number(row['id']), `${row['balance']} ${row['available']} ${row['seq']}`]),
  )
  const differing = async (url: string) => {
    const said = await Promise.all(record.ids.map(async (id) => {
      const { body } = await send(channel.agent, 'GET', `${url}/users/${id}`)
      return `${String(body['balance'])} ${String(body['available'])} ${String(body['seq'])}`
    }))
    return record.ids.filter((id, i) => found.get(id) !== said[i])
  }
  for (const url of urls) {
    const agree = await until(FRESH_MS, async () => (await differing(url)).length === 0)
    if (!agree) {
      record.violations.add(`snapshots of ${(await differing(url)).join()} are not the ledger's`)
    }
  }
}

/** How many writes were left without an answer at least once. */
export const unknownCount = ({ writes }: Record): number => writes.filter(wasUnknown).length
