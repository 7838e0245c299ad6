/** Statements: streams of lines that are whole only with their closing line. */
import type { StatementBound, StatementEntry, StatementLine } from './api.ts'
import { isHashOf } from './entry_hash.ts'
import { StatementError } from './errors.ts'
import { linesOf } from './lines.ts'

/** What a statement is about: all of it left out, the whole history. */
export interface StatementQuery {
  /** Entries posted after this moment: RFC 3339. */
  from?: string
  /** Entries posted up to this moment. */
  to?: string
  /** Entries behind this seq. */
  after?: number
  /** An entry that it must have: then a standby that has it may answer. */
  min_seq?: number
}

/**
 * A line that was checked. `proved`: the hash of the entry is the one that it must have. Otherwise
 * something that the hash covers was erased or archived, and only the ledger can prove the rest.
 * The closing line says of how many entries that is so.
 */
export type CheckedLine =
  | { opening: StatementBound }
  | StatementEntry & { proved: boolean }
  | { closing: StatementBound; unproved: number }

const NO_HASHES = 'no hash can be checked here: a page must come by https, or from localhost'
const BROKE_OFF = 'the statement broke off: it has no closing line'

/**
 * The lines of a statement as CSV, the header first.
 * @throws StatementError if the last one isn't its closing line
 */
export async function* csvLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let last: string | undefined
  let seq: number | undefined
  try {
    for await (const line of linesOf(stream, '\r\n')) {
      last = line
      const entry = /^entry,(\d+),/.exec(line)
      if (entry) seq = Number(entry[1])
      yield line
    }
  } catch (cause) {
    throw new StatementError(BROKE_OFF, seq, { cause })
  }
  if (!last?.startsWith('closing,')) throw new StatementError(BROKE_OFF, seq)
}

/** Where a statement has got to. */
type Head = Pick<StatementBound, 'seq' | 'balance' | 'hash'>

/**
 * The lines of a statement, each checked against the hash of the one before.
 * @throws StatementError if one was changed, left out, added or moved, or the closing line is
 * missing
 */
export async function* checkedLines(
  userId: number,
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<CheckedLine> {
  if (!globalThis.crypto.subtle) throw new StatementError(NO_HASHES, undefined)
  let last: Head | undefined
  let unproved = 0
  let isClosed = false
  try {
    for await (const text of linesOf(stream, '\n')) {
      const line = JSON.parse(text) as StatementLine
      if (isClosed || 'opening' in line !== (last === undefined)) {
        throw new StatementError('a line is where it does not belong', last?.seq)
      }
      if ('opening' in line) {
        last = line.opening
        yield line
      } else if ('closing' in line) {
        checkClosing(last!, line.closing)
        isClosed = true
        yield { ...line, unproved }
      } else {
        const proved = await isProved(userId, last!, line, text)
        if (!proved) unproved++
        last = line
        yield { ...line, proved }
      }
    }
  } catch (cause) {
    if (cause instanceof StatementError) throw cause
    throw new StatementError(BROKE_OFF, last?.seq, { cause })
  }
  if (!isClosed) throw new StatementError(BROKE_OFF, last?.seq)
}

/** @throws StatementError */
function checkClosing(last: Head, { seq, balance, hash }: StatementBound): void {
  if (seq === last.seq && balance === last.balance && hash === last.hash) return
  throw new StatementError('the closing line is about another entry than the last one', last.seq)
}

const cents = (amount: string) => BigInt(amount.replace('.', ''))

/**
 * Whether the balance of an entry follows from the one before. Ledgers make no others, but behind
 * an entry without a proof only this says so.
 */
function addsUp(last: Head, { action, amount, balance }: StatementEntry): boolean {
  const change = action === 'CREDIT' ? cents(amount) : -cents(amount)
  return cents(last.balance) + change === cents(balance)
}

/**
 * Whether the hash of an entry proves it; not if something that it covers is gone.
 * @throws StatementError if it is not the entry that followed
 */
async function isProved(
  userId: number,
  last: Head,
  line: StatementEntry,
  text: string,
): Promise<boolean> {
  const proved = line.erased_by === undefined && line.archived_by === undefined
  const isNext = line.seq === last.seq + 1 && addsUp(last, line) &&
    (!proved || await isHashOf(line.hash, { userId, previous: last.hash, entry: line, line: text }))
  if (isNext) return proved
  throw new StatementError(`entry ${line.seq} is not the one that followed ${last.seq}`, last.seq)
}
