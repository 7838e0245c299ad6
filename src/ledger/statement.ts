/** A user's entries between two moments as a stream that is made while it is read. */
import { csvRow, notFormula } from '../core/csv.ts'
import { stringify } from '../core/raw_json.ts'
import type { Ledger } from './functions.ts'
import type { Moment } from './read_functions.ts'
import type { StatementEntry } from './rows.ts'

/**
 * Entries of a page. A client that doesn't read keeps so many in memory, with up to 8 KiB of
 * metadata each.
 */
const PAGE_ROWS = 250

/** A format of statements. Lines include their ends. */
export interface StatementFormat {
  contentType: string
  /** The extension of the file's name. */
  extension: string
  opening(moment: Moment): string
  entry(entry: StatementEntry): string
  closing(moment: Moment): string
}

const boundOf = ({ at, seq, balance, hash }: Moment) => ({ at, seq, balance, hash })
const line = (value: unknown) => `${stringify(value)}\n`

export const NDJSON: StatementFormat = {
  contentType: 'application/x-ndjson',
  extension: 'ndjson',
  opening: (moment) => line({ opening: boundOf(moment) }),
  entry: line,
  closing: (moment) => line({ closing: boundOf(moment) }),
}

const CSV_COLUMNS = [
  'kind',
  'seq',
  'action',
  'amount',
  'balance',
  'ts',
  'posted_at',
  'held',
  'idempotency_key',
  'metadata',
  'transfer_user_id',
  'transfer_seq',
  'reverses',
  'reversed_by',
  'hold',
  'hash',
  'erased_by',
  'archived_by',
] as const
type CsvRow = { [K in typeof CSV_COLUMNS[number]]?: string | number | null | undefined }

const csvLine = (row: CsvRow) => csvRow(CSV_COLUMNS.map((column) => row[column]))

const csvMoment = (kind: string, { at, seq, balance, hash }: Moment) =>
  csvLine({ kind, seq, balance, ts: at, hash })

export const CSV: StatementFormat = {
  contentType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  opening: (moment) => `${CSV_COLUMNS.join(',')}\r\n${csvMoment('opening', moment)}`,
  entry: ({ transfer, metadata, idempotency_key, ...entry }) =>
    csvLine({
      kind: 'entry',
      ...entry,
      idempotency_key: notFormula(idempotency_key),
      metadata: metadata?.text,
      transfer_user_id: transfer?.user_id,
      transfer_seq: transfer?.seq,
    }),
  closing: (moment) => csvMoment('closing', moment),
}

export interface StatementOptions {
  ledger: Pick<Ledger, 'getStatement'>
  userId: number
  opening: Moment
  closing: Moment
  format: StatementFormat
  /** Milliseconds that it waits for its reader. */
  stallMs: number
  /** Called with the reason why a statement broke off. */
  onFailure: (error: unknown) => void
}

/**
 * Creates the stream of a statement: opening, entries, closing. It ends where the ledger ended when
 * `closing` was read, and reads the next page only when the reader has taken the one before. After
 * a failure the stream breaks off without a closing.
 */
export function statementStream(options: StatementOptions): ReadableStream<Uint8Array> {
  const { ledger, userId, opening, closing, format, stallMs, onFailure } = options
  const encoder = new TextEncoder()
  let after: number | undefined
  let stall: ReturnType<typeof setTimeout> | undefined
  /**
   * Whether the reader has gone away, perhaps while a page was read. Then nothing has failed here.
   */
  let isCanceled = false

  async function pageText(from: number): Promise<string> {
    const entries = await ledger.getStatement(userId, from, closing.seq, PAGE_ROWS)
    // Seqs have no gaps, so fewer entries would be a statement that doesn't add up.
    const expected = Math.min(PAGE_ROWS, closing.seq - from)
    if (entries.length !== expected) throw new Error('get_statement: entries are missing')
    after = entries.at(-1)!.seq
    return entries.map((entry) => {
      // A reversal after the end of this statement belongs to another one.
      const { reversed_by = 0, ...rest } = entry
      return format.entry(reversed_by > closing.seq ? rest : entry)
    }).join('')
  }

  // Without a stack, since @hono/node-server prints the error.
  const broken = () => Object.assign(new Error('the statement broke off'), { stack: '' })

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(stall)
      try {
        if (after === undefined) {
          after = opening.seq
          controller.enqueue(encoder.encode(format.opening(opening)))
        } else if (after < closing.seq) {
          const text = await pageText(after)
          if (isCanceled) return
          controller.enqueue(encoder.encode(text))
        } else {
          controller.enqueue(encoder.encode(format.closing(closing)))
          controller.close()
          return
        }
        stall = setTimeout(() => controller.error(broken()), stallMs)
      } catch (error) {
        if (isCanceled) return
        onFailure(error)
        controller.error(broken())
      }
    },
    cancel() {
      isCanceled = true
      clearTimeout(stall)
    },
  }, { highWaterMark: 0 })
}
