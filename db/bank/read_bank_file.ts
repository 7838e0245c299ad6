/** Reads a bank's CSV file line by line, however long it is. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { type BankLine, bankLineOf, type Cells, LineFault } from './bank_line.ts'
import type { BankFile } from './bank_options.ts'

const MAX_RECORD_CHARACTERS = 65_536
/** References are kept in memory, to find those that come twice. */
const MAX_LINES = 1_000_000

/** What is wrong with a line. */
export interface Fault {
  line: number
  reason: string
}

/** A part of the file: lines as they should be, and those that aren't. */
export interface Batch {
  lines: BankLine[]
  faults: Fault[]
}

interface CsvRecord {
  record: string[]
  info: { lines: number }
}

/**
 * Reads the file in parts of at most `size` lines.
 * @throws Error with one line if it can't be read, is no CSV, or lacks a column
 */
export async function* readBankFile(file: BankFile, size: number): AsyncGenerator<Batch> {
  let columns: Map<string, number> | undefined
  let batch: Batch = { lines: [], faults: [] }
  let count = 0
  for await (const { record, info } of recordsOf(file)) {
    if (!columns) {
      columns = columnsOf(file, record)
      continue
    }
    if (++count > MAX_LINES) throw new Error(`${file.path} has more than ${MAX_LINES} lines`)
    try {
      batch.lines.push(bankLineOf(info.lines, cellsOf(file, columns, record), file))
    } catch (error) {
      if (!(error instanceof LineFault)) throw error
      batch.faults.push({ line: info.lines, reason: error.message })
    }
    if (batch.lines.length + batch.faults.length < size) continue
    yield batch
    batch = { lines: [], faults: [] }
  }
  if (!columns) throw new Error(`${file.path} is empty`)
  if (batch.lines.length + batch.faults.length > 0) yield batch
}

async function* recordsOf({ path, encoding, delimiter }: BankFile): AsyncGenerator<CsvRecord> {
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARACTERS,
  })
  const source = Readable.from(decoded(path, encoding))
  source.on('error', (error) => parser.destroy(error)).pipe(parser)
  try {
    yield* parser as AsyncIterable<CsvRecord>
  } catch (error) {
    if (error instanceof CsvError) {
      throw new Error(`${path} is no CSV: ${error.message}`, { cause: error })
    }
    throw error
  } finally {
    source.destroy()
  }
}

/** The text without a byte order mark. */
async function* decoded(path: string, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  try {
    for await (const chunk of createReadStream(path)) {
      yield decoder.decode(chunk as Uint8Array, { stream: true })
    }
    yield decoder.decode()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof TypeError) {
      throw new Error(`${path} is not in ${encoding}: give its --encoding`, { cause: error })
    }
    throw new Error(`${path} can't be read: ${code ?? message}`, { cause: error })
  }
}

/** Where each column is. */
function columnsOf(file: BankFile, header: string[]): Map<string, number> {
  const names = header.map((name) => name.trim())
  const wanted = [file.reference, file.user, file.date, file.text, ...Object.values(file.amount)]
  const columns = new Map<string, number>()
  for (const name of wanted) {
    if (name === undefined) continue
    const place = names.indexOf(name)
    if (place < 0 || names.indexOf(name, place + 1) >= 0) {
      const shown = names.join(', ').slice(0, 200)
      throw new Error(`${file.path} has ${place < 0 ? 'no' : 'twice a'} column ${name}: ${shown}`)
    }
    columns.set(name, place)
  }
  return columns
}

function cellsOf(file: BankFile, columns: Map<string, number>, record: string[]): Cells {
  const cell = (name: string) => {
    const value = record[columns.get(name)!]
    if (value === undefined) throw new LineFault(`it has no column ${name}`)
    return value
  }
  const { amount, date, text } = file
  return {
    reference: cell(file.reference),
    user: cell(file.user),
    amount: 'signed' in amount
      ? { signed: cell(amount.signed) }
      : { credit: cell(amount.credit), debit: cell(amount.debit) },
    ...(date !== undefined && { date: cell(date) }),
    ...(text !== undefined && { text: cell(text) }),
  }
}
