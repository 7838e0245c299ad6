/** Proves what `npm run archive` wrote to a file by the hashes that are in the ledger. */
import { createReadStream } from 'node:fs'
import type postgres from 'postgres'
import { arrayLiteral } from '../src/ledger/rows.ts'

const LINES_A_CALL = 1000
/** Metadata has at most 8 KiB. */
const MAX_LINE_LENGTH = 65_536
const ID = '^[1-9][0-9]{0,15}$'

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
    select l.place, h.user_id, h.seq, ledger.has_mark(h, 'archived') as "isArchived", case
             when h.seq is null then 'archive_invalid'
             when ledger.has_mark(h, 'erased') then 'archive_erased'
             when h.hash not in (
               ledger.entry_hash(p.hash, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
                 h.sealed_at, h.idempotency_key, l.line -> 'metadata', h.held, h.hold, h.reverses,
                 h.peer_user_id, h.peer_seq),
               ledger.entry_hash_1(p.hash, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
                 h.sealed_at, h.idempotency_key, l.line -> 'metadata', h.held, h.hold, h.reverses,
                 h.peer_user_id, h.peer_seq)) then 'archive_differs' end as finding
      from (
        select u.n as place, u.line, u.line ->> 'ledger' = ledger.ledger_id()::text as "isOurs",
               case when u.line ->> 'user_id' ~ ${ID} then (u.line ->> 'user_id')::bigint end
                 as user_id,
               case when u.line ->> 'seq' ~ ${ID} then (u.line ->> 'seq')::bigint end as seq
          from unnest(${arrayLiteral(lines)}::jsonb[]) with ordinality as u (line, n)) l
      left join public.payment_history h
        on l."isOurs" and h.user_id = l.user_id and h.seq = l.seq
      left join public.payment_history p on p.user_id = h.user_id and p.seq = h.seq - 1`

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
     where h.metadata ? 'archived' and ledger.has_mark(h, 'archived')`
  return Number(row!.entries)
}
