/** Moves the metadata of old entries from the ledger to a file: `npm run archive`. */
import { open } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../src/command_line.ts'
import { arrayLiteral } from '../src/ledger/rows.ts'
import { connectOwner, runCommand, wholeNumber } from './command.ts'

const ROWS_A_TRANSACTION = 1000
const MIN_AGE_DAYS = 30
const DAY_MS = 86_400_000
const MAX_METADATA_BYTES = 8192
const HELP = `
usage: npm run archive -- --before YYYY-MM-DD --out FILE [--min-bytes N]

Appends the metadata of entries that were posted before that day (UTC), at least
${MIN_AGE_DAYS} days ago, to FILE, a line of JSON for each, and then takes it out of the ledger of
MIGRATE_DATABASE_URL, or else DATABASE_URL, as its owner. The entries stay, with their amounts, keys
and hashes, and are proved with FILE: npm run verify -- --archive FILE. Whatever interrupts it, the
same again goes on.
--min-bytes  only metadata that takes so many bytes, 0 to 8192; by default any. An archived entry
             needs some 210 bytes itself, so to move less makes the ledger larger

exit codes: 0 all of it is in FILE, 2 it couldn't go on, for the reason in one line`

/** Which entries: posted before that moment, with metadata of at least so many bytes. */
interface Wanted {
  ledger: string
  before: string
  minBytes: number
}

interface Row {
  id: string
  user_id: string
  seq: string
  line: string
}

/** @throws Error with one line if it is no day, or one too near */
function momentOf(day: string | undefined): string {
  const time = /^\d{4}-\d\d-\d\d$/.test(day ?? '') ? Date.parse(`${day}T00:00:00Z`) : NaN
  if (Number.isNaN(time)) throw new Error('--before must be a day, as YYYY-MM-DD')
  if (time > Date.now() - MIN_AGE_DAYS * DAY_MS) {
    throw new Error(`--before must be at least ${MIN_AGE_DAYS} days ago`)
  }
  return new Date(time).toISOString()
}

/** The next entries that have metadata, with the line that the file gets of each. */
const nextRows = (sql: postgres.Sql, { ledger, before, minBytes }: Wanted, afterId: string) =>
  sql<Row[]>`
    select h.id, h.user_id, h.seq,
           jsonb_build_object('ledger', ${ledger}::text, 'user_id', h.user_id, 'seq', h.seq,
             'hash', encode(h.hash, 'hex'), 'metadata', h.metadata)::text as line
      from public.payment_history h
     where h.id > ${afterId}::bigint and h.sealed_at < ${before}::text::timestamptz
       and h.metadata is not null and pg_column_size(h.metadata) >= ${minBytes}::integer
       and not (h.metadata ?| array['archived', 'erased'] and exists (
         select from public.erasures e
          where e.kind = 'entry' and e.user_id = h.user_id and e.number = h.seq))
     order by h.id limit ${ROWS_A_TRANSACTION}::integer`

/**
 * Writes lines to the end of the file before their entries lose what they say.
 * @returns how many entries were archived
 */
async function archive(sql: postgres.Sql, wanted: Wanted, out: string): Promise<number> {
  const file = await open(out, 'a', 0o600)
  try {
    let count = 0
    for (let afterId = '0';;) {
      const rows = await nextRows(sql, wanted, afterId)
      if (rows.length === 0) return count
      await file.appendFile(rows.map(({ line }) => `${line}\n`).join(''))
      await file.sync()
      const [row] = await sql<{ archived: string }[]>`
        select ledger.archive_entries(
          ${arrayLiteral(rows.map(({ user_id }) => user_id))}::bigint[],
          ${arrayLiteral(rows.map(({ seq }) => seq))}::bigint[],
          ${`metadata from before ${wanted.before.slice(0, 10)}`}) as archived`
      count += Number(row!.archived)
      afterId = rows.at(-1)!.id
    }
  } finally {
    await file.close()
  }
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: {
      before: { type: 'string' },
      out: { type: 'string' },
      'min-bytes': { type: 'string', default: '0' },
    },
  })
  const before = momentOf(values.before)
  const minBytes = wholeNumber('min-bytes', values['min-bytes'], 0, MAX_METADATA_BYTES)
  if (!values.out) throw new Error('--out is needed: where the metadata goes')
  const sql = await connectOwner('archive')
  try {
    const [row] = await sql<{ ledger: string }[]>`select ledger.ledger_id() as ledger`
    const count = await archive(sql, { ...row!, before, minBytes }, values.out)
    const none = `: none with such metadata was posted before ${values.before}`
    console.log(`${counted(count, 'entry', 'entries')} archived${count === 0 ? none : ''}`)
    return 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
