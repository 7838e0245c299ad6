/** How far `npm run verify` has come: kept in a file, so that another run can go on. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type postgres from 'postgres'
import { z } from 'zod'

const RANGES = 32
const FRACTIONS = Array.from({ length: RANGES - 1 }, (_, n) => (n + 1) / RANGES)
const LAST_ID = '9223372036854775807'

const id = z.string().regex(/^-?\d{1,19}$/)

const progressShape = z.strictObject({
  version: z.literal(1),
  /** Which ledger: a state of another would skip what was never looked at. */
  ledger: z.string(),
  rows: z.number(),
  users: z.number(),
  findings: z.number(),
  ranges: z.array(z.strictObject({
    upto: id,
    /** After which user and seq to go on with entries, then after which with users; null: done. */
    entries: z.tuple([id, id]).nullable(),
    users: id.nullable(),
  })),
})

export type Progress = z.infer<typeof progressShape>
export type Range = Progress['ranges'][number]

/** Whether a range has been read to its end. */
export const isDone = (range: Range): boolean => range.entries === null && range.users === null

/** From the file, if there is one; else from the start: ranges with about as many users each. */
export async function readProgress(sql: postgres.Sql, file?: string): Promise<Progress> {
  const [row] = await sql<{ ledger: string; ids: string[] }[]>`
    select current_database() || ' of ' || min(created_at) as ledger,
           to_jsonb(percentile_disc(${`{${FRACTIONS.join(',')}}`}::float8[])
             within group (order by id)) as ids
      from users`
  const ledger = row!.ledger ?? 'empty'
  const text = file ? readText(file) : undefined
  if (text !== undefined) {
    const parsed = progressShape.safeParse(parseJson(text))
    if (!parsed.success) throw new Error(`${file} is not a state of verify`)
    if (parsed.data.ledger !== ledger) throw new Error(`${file} is of another ledger`)
    return parsed.data
  }
  const ends = [...new Set(row!.ids ?? []), LAST_ID].map(String)
  const ranges = ends.map((upto, i): Range => {
    const after = ends[i - 1] ?? '0'
    // The seq beyond all others: the user at the end of a range belongs to it.
    return { upto, entries: [after, i ? LAST_ID : '0'], users: after }
  })
  return { version: 1, ledger, rows: 0, users: 0, findings: 0, ranges }
}

/** At once or not at all: a run may be killed in the middle. */
export function writeProgress(file: string, progress: Progress): void {
  writeFileSync(`${file}.new`, JSON.stringify(progress))
  renameSync(`${file}.new`, file)
}

/** Removes the file, once everything is verified. */
export const removeProgress = (file: string): void => rmSync(file, { force: true })

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
