/** Whose lines those of a bank's file are. */
import type postgres from 'postgres'
import { arrayLiteral } from '../../src/ledger/rows.ts'
import type { BankLine } from './bank_line.ts'
import type { BankFile } from './bank_options.ts'
import { type Batch, type Fault, readBankFile } from './read_bank_file.ts'

/** Lines of a call of the database. */
const BATCH_LINES = 1000

export interface UserLine extends BankLine {
  userId: string
}

/** A part of the file whose users are known. */
export interface UserBatch {
  lines: UserLine[]
  faults: Fault[]
}

type Ids = Map<string, string | null>

/** The ids of these users, by their names in the file. */
async function findUsers(sql: postgres.Sql, names: string[], isUserId: boolean): Promise<Ids> {
  const list = arrayLiteral(names)
  const rows = isUserId
    ? await sql<{ name: string; id: string }[]>`
      select u.id::text as name, u.id from public.users u where u.id = any (${list}::bigint[])`
    : await sql<{ name: string; id: string }[]>`
      select r.reference as name, r.user_id as id from public.user_references r
       where r.reference = any (${list}::text[])`
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/**
 * Reads the file with the user of each line. A line of nobody, and one that has the reference of an
 * earlier line of its user, is a fault.
 * @throws as readBankFile
 */
export async function* readUserLines(
  sql: postgres.Sql,
  file: BankFile,
): AsyncGenerator<UserBatch> {
  const ids: Ids = new Map()
  const firstLines = new Map<string, number>()
  for await (const batch of readBankFile(file, BATCH_LINES)) {
    const names = batch.lines.map(({ user }) => user).filter((name) => !ids.has(name))
    if (names.length > 0) {
      const found = await findUsers(sql, names, file.isUserId)
      for (const name of names) ids.set(name, found.get(name) ?? null)
    }
    yield withUsers(batch, ids, firstLines)
  }
}

function withUsers(
  batch: Batch,
  ids: Ids,
  firstLines: Map<string, number>,
): UserBatch {
  const lines: UserLine[] = []
  const faults = [...batch.faults]
  for (const line of batch.lines) {
    const userId = ids.get(line.user)
    const place = `${userId} ${line.key}`
    const first = firstLines.get(place)
    if (!userId) {
      faults.push({ line: line.line, reason: `there is no user ${JSON.stringify(line.user)}` })
    } else if (first !== undefined) {
      faults.push({ line: line.line, reason: `it has the reference of line ${first}` })
    } else {
      firstLines.set(place, line.line)
      lines.push({ ...line, userId })
    }
  }
  return { lines, faults: faults.sort((a, b) => a.line - b.line) }
}
