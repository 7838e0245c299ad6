/** Posts the lines of a bank's CSV file, each once: `npm run import`. */
import type postgres from 'postgres'
import process from 'node:process'
import { printedHelp } from '../../src/command_line.ts'
import { connectReader, connectWriter, refuseDistributed, runCommand } from '../command.ts'
import { type Operation, postOperations } from '../post_operations.ts'
import { findEntries } from './bank_entries.ts'
import { FILE_OPTIONS, parseOptions } from './bank_options.ts'
import type { BankFile } from './bank_options.ts'
import { readUserLines, type UserLine } from './bank_users.ts'

const MAX_SHOWN = 100
const HELP = `
usage: npm run import -- FILE --reference COL --user COL --amount COL [OPTIONS]

Credits and debits users by the lines of a bank's CSV file, whose first line names the columns.
Each has a key that is made of the bank's reference, so no line is posted twice. If any is not as it
should be, each such line is named, and nothing is posted. Else all are posted but those that the
ledger refuses, which are named. Whatever interrupts it, the same again goes on. Needs ledger_dba.
${FILE_OPTIONS}
--dry-run          posts nothing, and says what would be

exit codes: 0 the ledger has every line, 1 it lacks those that are named, 2 it couldn't go on`

/** Why the ledger refuses an entry. */
const REASONS: Record<string, string> = {
  LGFND: 'the user has not enough',
  LGFRZ: 'the user is frozen',
  LGKEY: 'it was posted with another amount, user, date or text',
  LGRNG: 'the balance would be out of range',
}

class Tally {
  posted = 0
  earlier = 0
  named = 0
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  name(line: number, reason: string): void {
    if (++this.named <= MAX_SHOWN) this.#print(`line ${line}: ${reason}`)
  }

  /** @returns the exit code */
  conclude(what: string): number {
    if (this.named > MAX_SHOWN) this.#print(`… and ${this.named - MAX_SHOWN} more`)
    this.#print(`${this.posted} ${what}, ${this.earlier} posted earlier, ${this.named} named above`)
    return this.named > 0 ? 1 : 0
  }
}

/** Names all lines that can't be posted. Nothing is written. */
async function check(sql: postgres.Sql, file: BankFile, tally: Tally): Promise<void> {
  for await (const { lines, faults } of readUserLines(sql, file)) {
    for (const { line, reason } of faults) tally.name(line, reason)
    const entries = await findEntries(sql, lines)
    entries.forEach((entry, i) => {
      if (!entry) tally.posted++
      else if (entry.isSame) tally.earlier++
      else tally.name(lines[i]!.line, `${REASONS['LGKEY']}, as entry ${entry.seq}`)
    })
  }
}

const operationOf = ({ userId, action, amount, key, metadata }: UserLine): Operation => ({
  kind: action,
  userId,
  amount,
  key,
  metadata,
})

async function post(sql: postgres.Sql, file: BankFile, tally: Tally): Promise<void> {
  for await (const { lines, faults } of readUserLines(sql, file)) {
    if (faults.length > 0) throw new Error(`${file.path} was changed while it was read`)
    const outcomes = await postOperations(sql, lines.map(operationOf))
    outcomes.forEach(({ status, replayed }, i) => {
      const { line, userId, action, amount } = lines[i]!
      if (status !== 'ok') {
        tally.name(line, `${action} ${amount} of user ${userId}: ${REASONS[status] ?? status}`)
      } else if (replayed) tally.earlier++
      else tally.posted++
    })
  }
}

/**
 * Posts the lines of a file, each once; nothing if any of them is not as it should be.
 * @returns the exit code of the command
 * @throws Error with one line, or what PostgreSQL said; what was posted by then stays
 */
export async function importBankFile(
  sql: postgres.Sql,
  file: BankFile,
  isDryRun: boolean,
  print: (line: string) => void,
): Promise<number> {
  const checked = new Tally(print)
  await check(sql, file, checked)
  if (isDryRun || checked.named > 0) return checked.conclude('to post, nothing posted')
  const tally = new Tally(print)
  await post(sql, file, tally)
  return tally.conclude('posted')
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (printedHelp(HELP, args)) return 0
  const { file, switches } = parseOptions(args, ['dry-run'])
  const isDryRun = switches.has('dry-run')
  const sql = isDryRun ? await connectReader(1) : await connectWriter('import')
  try {
    await refuseDistributed(sql, 'import')
    return await importBankFile(sql, file, isDryRun, console.log)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
