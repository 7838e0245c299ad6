/** Statements: streams of lines that are whole only with their closing line. */
import type { StatementBound, StatementLine } from './api.ts'
import { entryHash } from './entry_hash.ts'
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
}

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

/**
 * The lines of a statement, each checked against the hash of the one before.
 * @throws StatementError if one was changed, left out, added or moved, or the closing line is
 * missing
 */
export async function* checkedLines(
  userId: number,
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<StatementLine> {
  let last: Pick<StatementBound, 'seq' | 'balance' | 'hash'> | undefined
  let isClosed = false
  const lines = linesOf(stream, '\n')
  try {
    for await (const text of lines) {
      const line = JSON.parse(text) as StatementLine
      last = await checked(userId, last, line, text, isClosed)
      isClosed = 'closing' in line
      yield line
    }
  } catch (cause) {
    if (cause instanceof StatementError) throw cause
    throw new StatementError(BROKE_OFF, last?.seq, { cause })
  }
  if (!isClosed) throw new StatementError(BROKE_OFF, last?.seq)
}

/** The end of the statement so far. */
async function checked(
  userId: number,
  last: Pick<StatementBound, 'seq' | 'balance' | 'hash'> | undefined,
  line: StatementLine,
  text: string,
  isClosed: boolean,
) {
  if ('opening' in line && !last) return line.opening
  if (!last || isClosed || 'opening' in line) {
    throw new StatementError('a line is where it does not belong', last?.seq)
  }
  if ('closing' in line) {
    const { seq, balance, hash } = line.closing
    if (seq === last.seq && balance === last.balance && hash === last.hash) return last
    throw new StatementError('the closing line is about another entry than the last one', last.seq)
  }
  if (line.seq === last.seq + 1 && await entryHash(userId, last.hash, text) === line.hash) {
    return line
  }
  throw new StatementError(`entry ${line.seq} is not the one that followed ${last.seq}`, last.seq)
}
