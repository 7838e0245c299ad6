/** Compares a bank's CSV file with what the ledger has of it: `npm run reconcile`. */
import type postgres from 'postgres'
import process from 'node:process'
import { counted, printedHelp } from '../../src/command_line.ts'
import { csvRow, notFormula } from '../../src/core/csv.ts'
import { connectReader, refuseDistributed, runCommand } from '../command.ts'
import { type BankEntry, entriesOf, findEntries } from './bank_entries.ts'
import { type BankFile, FILE_OPTIONS, parseOptions } from './bank_options.ts'
import { readUserLines, type UserLine } from './bank_users.ts'

const HELP = `
usage: npm run reconcile -- FILE --reference COL --user COL --amount COL [OPTIONS]

Prints each difference between the lines of a bank's CSV file and the entries that npm run import
made of such files, and changes nothing. With --date, entries count from the first to the last day
of the file. Needs ledger_dba, and the options that the file was imported with:
${FILE_OPTIONS}
--csv              prints the differences as CSV

exit codes: 0 no differences, 1 differences, 2 it couldn't run, for the reason in one line`

const COLUMNS = ['difference', 'line', 'user', 'key', 'bank', 'ledger', 'seq'] as const
/**
 * invalid: the line can't be read; not_in_ledger; differs: in action or amount; reversed: it was
 * taken back in the ledger; not_in_file.
 */
type Kind = 'invalid' | 'not_in_ledger' | 'differs' | 'reversed' | 'not_in_file'
type Difference = { difference: Kind } & { [K in typeof COLUMNS[number]]?: string | number }

const signed = ({ action, amount }: { action: string; amount: string }) =>
  action === 'DEBIT' ? `-${amount}` : amount

function compare(line: UserLine, entry: BankEntry | null): Difference | undefined {
  const what = { line: line.line, user: line.userId, key: line.key, bank: signed(line) }
  if (!entry) return { difference: 'not_in_ledger', ...what }
  const { seq, reversedBy } = entry
  const both = { ...what, ledger: signed(entry), seq }
  if (!entry.isSame) return { difference: 'differs', ...both }
  return reversedBy === null ? undefined : { difference: 'reversed', ...both, seq: reversedBy }
}

/** What the file has, by user and key, and from when to when it goes. */
interface Covered {
  keys: Set<string>
  from?: string
  to?: string
}

const placeOf = ({ userId, key }: { userId: string; key: string }) => `${userId} ${key}`

async function* fileDifferences(
  sql: postgres.Sql,
  file: BankFile,
  covered: Covered,
): AsyncGenerator<Difference> {
  for await (const { lines, faults } of readUserLines(sql, file)) {
    for (const { line, reason } of faults) yield { difference: 'invalid', line, bank: reason }
    const entries = await findEntries(sql, lines)
    for (const [i, line] of lines.entries()) {
      covered.keys.add(placeOf(line))
      const { date } = JSON.parse(line.metadata) as { date?: string }
      if (date && !(covered.from! <= date)) covered.from = date
      if (date && !(covered.to! >= date)) covered.to = date
      const difference = compare(line, entries[i]!)
      if (difference) yield difference
    }
  }
}

async function* differencesOf(sql: postgres.Sql, file: BankFile): AsyncGenerator<Difference> {
  const covered: Covered = { keys: new Set() }
  yield* fileDifferences(sql, file, covered)
  for await (const entry of entriesOf(sql, file.source, covered.from, covered.to)) {
    const { userId, key, seq } = entry
    if (covered.keys.has(placeOf(entry))) continue
    yield { difference: 'not_in_file', user: userId, key, ledger: signed(entry), seq }
  }
}

const csvOf = (difference: Difference) =>
  csvRow(COLUMNS.map((column) => {
    const value = difference[column]
    const isMoney = column === 'bank' && difference.difference !== 'invalid' || column === 'ledger'
    return isMoney || typeof value !== 'string' ? value : notFormula(value)
  }))

function textOf({ difference, line, user, key, bank, ledger, seq }: Difference): string {
  const parts = [
    line !== undefined && `line ${line}`,
    user !== undefined && `user ${user}`,
    key,
    bank !== undefined && (difference === 'invalid' ? bank : `bank ${bank}`),
    ledger !== undefined && `ledger ${ledger}`,
    seq !== undefined && `seq ${seq}`,
  ]
  return [difference, ...parts.filter(Boolean)].join('\t')
}

/**
 * Prints each difference between a file and the ledger.
 * @returns how many there are
 */
export async function reconcileBankFile(
  sql: postgres.Sql,
  file: BankFile,
  isCsv: boolean,
  write: (text: string) => void,
): Promise<number> {
  let count = 0
  if (isCsv) write(csvRow([...COLUMNS]))
  for await (const difference of differencesOf(sql, file)) {
    count++
    write(isCsv ? csvOf(difference) : `${textOf(difference)}\n`)
  }
  if (!isCsv) write(`${counted(count, 'difference')}\n`)
  return count
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (printedHelp(HELP, args)) return 0
  const { file, switches } = parseOptions(args, ['csv'])
  const sql = await connectReader(1)
  try {
    await refuseDistributed(sql, 'reconcile')
    const write = (text: string) => process.stdout.write(text)
    return await reconcileBankFile(sql, file, switches.has('csv'), write) > 0 ? 1 : 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
