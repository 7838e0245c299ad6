/** Proves what `npm run archive` wrote to a file by the hashes that are in the ledger. */
import { createReadStream } from 'node:fs'
import type postgres from 'postgres'
import { arrayLiteral } from '../src/ledger/rows.ts'

const LINES_A_CALL = 1000
/** Metadata has at most 8 KiB. */
const MAX_LINE_LENGTH = 65_536

export interface ArchiveFinding {
  finding: 'archive_invalid' | 'archive_differs' | 'archive_erased' | 'archive_missing'
  user_id: string | null
  seq: string | null
  detail: string
}

interface Checked {
  place: string
  user_id: string | null
  seq: string | null
  isArchived: boolean | null
  finding: keyof typeof DETAILS | null
}

const DETAILS = {
  archive_invalid: 'is no line of an archive of this ledger',
  archive_differs: 'is not what the hash of its entry covers',
  archive_erased: 'has what was erased: take it out of the file',
}

/** @throws Error with one line if it can't be read, or a line never ends */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop()!
      if (rest.length > MAX_LINE_LENGTH) throw new Error('a line is too long')
      yield* lines
    }
  } catch (error) {
    throw new Error(`${path} can't be read: ${(error as Error).message}`, { cause: error })
  }
  if (rest) yield rest
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line)
    // PostgreSQL has no such character.
    if (line.includes(String.raw`\u0000`)) return false
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** Each line's entry has the hash that it must have with the metadata of the line. */
const check = (sql: postgres.Sql, lines: string[]) =>
  sql<Checked[]>`
    select v.place, v.user_id, v.seq, v.is_archived as "isArchived", v.finding
      from ledger.verify_archived(${arrayLiteral(lines)}::jsonb[]) v`

/**
 * Verifies a file against the ledger.
 * @returns how many archived entries it proved
 * @throws Error with one line if it can't be read
 */
export async function verifyArchive(
  sql: postgres.Sql,
  path: string,
  report: (finding: ArchiveFinding) => void,
): Promise<number> {
  const proved = new Set<string>()
  let number = 0
  let batch: { number: number; line: string }[] = []
  const say = (finding: keyof typeof DETAILS, line: number, entry?: Checked) =>
    report({
      finding,
      user_id: entry?.user_id ?? null,
      seq: entry?.seq ?? null,
      detail: `Line ${line} ${DETAILS[finding]}.`,
    })
  const flush = async () => {
    const rows = await check(sql, batch.map(({ line }) => line))
    for (const entry of rows) {
      // Of one that isn't archived yet, whoever wrote the line was interrupted.
      if (!entry.finding && entry.isArchived) proved.add(`${entry.user_id} ${entry.seq}`)
      if (entry.finding) say(entry.finding, batch[Number(entry.place) - 1]!.number, entry)
    }
    batch = []
  }
  for await (const line of linesOf(path)) {
    number++
    if (isObject(line)) batch.push({ number, line })
    else say('archive_invalid', number)
    if (batch.length === LINES_A_CALL) await flush()
  }
  await flush()
  const missing = await countArchived(sql) - proved.size
  if (missing > 0) {
    report({
      finding: 'archive_missing',
      user_id: null,
      seq: null,
      detail: `${missing} entries were archived, and are not in ${path}.`,
    })
  }
  return proved.size
}

async function countArchived(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ entries: string }[]>`
    select count(*) as entries from public.payment_history h
     where h.metadata ? 'archived' and exists (
       select from public.erasures e
        where e.kind = 'entry' and e.user_id = h.user_id and e.number = h.seq)`
  return Number(row!.entries)
}
