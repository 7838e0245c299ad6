/** Calls the functions that read histories. None of them waits for a lock. */
import { type Database, isoTimestamp } from '../database/database.ts'
import { ON_PRIMARY, type ReplicaCondition } from './replica_condition.ts'
import { statementEntriesOf } from './erasures.ts'
import { arrayLiteral, type Entry, entryOf, type EntryRow, type StatementEntry } from './rows.ts'

/** The balance of a user at a moment. */
export interface Moment {
  /** Null before the first entry. */
  at: string | null
  /** Of the last entry that was posted by then; 0: none. */
  seq: number
  balance: string
  hash: string | null
  /** Whether the moment is in the future, by the clock of the database. */
  isFuture: boolean
}

/** Several users as of one moment. */
export interface Balances {
  at: string
  isFuture: boolean
  balances: { id: number; balance: string; seq: number }[]
}

export interface Finding {
  /** Its kind, such as `gap`: docs/reference/verification.md lists all. */
  finding: string
  user_id: number
  seq: number | null
  detail: string | null
}

export interface VerifiedPage {
  findings: Finding[]
  rowsRead: number
  /** The last entry of the page; null if it is the last one of all. */
  next: number | null
}

/** `minSeq`: the seq of an entry of the user that a standby must have. Left out: not from one. */
export interface LedgerReads {
  /**
   * Balances at moments: RFC 3339, `-infinity`, or null for now.
   * @throws LGUSR for an unknown user
   */
  getMoments(userId: number, moments: (string | null)[], minSeq?: number): Promise<Moment[]>
  /** Entries newest first, below the seq `before` if it is given. */
  getHistory(
    userId: number,
    before: number | undefined,
    maxRows: number,
    minSeq?: number,
  ): Promise<Entry[]>
  /** Entries oldest first, after < seq <= upto. */
  getStatement(
    userId: number,
    after: number,
    upto: number,
    maxRows: number,
  ): Promise<StatementEntry[]>
  /** Undefined for an unknown entry. */
  getEntry(userId: number, seq: number): Promise<Entry | undefined>
  /**
   * Balances of several users at one moment: RFC 3339, or null for now. If `isFuture`, the moment
   * hasn't come and there are none.
   * @throws LGUSR for an unknown user, 55P03 if the moment doesn't become final in time
   */
  getBalances(userIds: number[], at: string | null): Promise<Balances>
  /**
   * Verifies entries after a seq. The page with the last entry has all other findings of the user,
   * too.
   */
  verifyUserPage(
    userId: number,
    after: number,
    maxRows: number,
    minSeq?: number,
  ): Promise<VerifiedPage>
}

interface MomentRow {
  at: string
  seq: string
  balance: string
  hash: string | null
  is_future: boolean
}

interface VerifiedRow {
  findings: Finding[]
  rows_read: string
  next_seq: string | null
}

/** Whether that is a long read: more than a page of 100 rows and the next row. */
export const isLongRead = ({ maxRows }: { maxRows: number }): boolean => maxRows > 101

/**
 * Creates the readers. Long reads have connections of their own, so that no short one waits for
 * them.
 */
export function createLedgerReads(
  { run }: Pick<Database, 'run'>,
  long: Pick<Database, 'run'> = { run },
  condition: ReplicaCondition = ON_PRIMARY,
): LedgerReads {
  const runRows = (maxRows: number) => isLongRead({ maxRows }) ? long.run : run

  const statement = (userId: number, after: number, upto: number, maxRows: number) =>
    runRows(maxRows)((sql) =>
      sql<
        EntryRow[]
      >`select *, metadata::text as metadata from ledger.get_statement(user_id => ${userId}::bigint,
        after => ${after}::bigint, upto => ${upto}::bigint, max_rows => ${maxRows}) ${
        condition(sql, userId, upto)
      }`
    )

  return {
    async getMoments(userId, moments, minSeq) {
      const rows = await run((sql) =>
        sql<MomentRow[]>`
          select least(m.at, statement_timestamp()) as at, m.seq, m.balance, m.hash,
                 -- Before the clock that get_moments reads: what has come since may not be final.
                 m.at > statement_timestamp() as is_future
            from ledger.get_moments(user_id => ${userId}::bigint,
              moments => ${arrayLiteral(moments)}::timestamptz[]) m
            ${condition(sql, userId, minSeq)}`
      )
      if (rows.length !== moments.length) throw new Error('get_moments: wrong number of rows')
      return rows.map(({ at, seq, balance, hash, is_future }) => ({
        at: at === '-infinity' ? null : isoTimestamp(at),
        seq: Number(seq),
        balance,
        hash,
        isFuture: is_future,
      }))
    },

    async getHistory(userId, before, maxRows, minSeq) {
      const rows = await runRows(maxRows)((sql) =>
        sql<
          EntryRow[]
        >`select *, metadata::text as metadata from ledger.get_history(user_id => ${userId}::bigint,
          before => ${before ?? null}::bigint, max_rows => ${maxRows})
          ${condition(sql, userId, minSeq)}`
      )
      return rows.map(entryOf)
    },

    async getStatement(userId, after, upto, maxRows) {
      const rows = await statement(userId, after, upto, maxRows)
      return await statementEntriesOf(runRows(maxRows), userId, rows)
    },

    async getEntry(userId, seq) {
      const [row] = await statement(userId, seq - 1, seq, 1)
      return row && entryOf(row)
    },

    getBalances: (userIds, at) => getBalances(run, condition, userIds, at),
    verifyUserPage: (...page) => verifyUserPage(long.run, condition, ...page),
  }
}

async function getBalances(
  run: Database['run'],
  condition: ReplicaCondition,
  userIds: number[],
  at: string | null,
): Promise<Balances> {
  const [moment] = await run((sql) =>
    sql<{ at: string; is_future: boolean }[]>`
      select coalesce(${at}::text::timestamptz, clock_timestamp()) as at,
             coalesce(${at}::text::timestamptz > clock_timestamp(), false) as is_future`
  )
  const isFuture = moment!.is_future
  if (isFuture) return { at: isoTimestamp(moment!.at), isFuture, balances: [] }
  const rows = await run((sql) =>
    sql<{ user_id: string; balance: string; seq: string }[]>`
      select user_id, balance, seq from ledger.get_balances(
        user_ids => ${arrayLiteral(userIds)}::bigint[],
        at => ${moment!.at}::text::timestamptz)
        ${condition(sql, null, 0)}`
  )
  return {
    at: isoTimestamp(moment!.at),
    isFuture,
    balances: rows.map(({ user_id, balance, seq }) => ({
      id: Number(user_id),
      balance,
      seq: Number(seq),
    })),
  }
}

async function verifyUserPage(
  run: Database['run'],
  condition: ReplicaCondition,
  userId: number,
  after: number,
  maxRows: number,
  minSeq?: number,
): Promise<VerifiedPage> {
  const [page] = await run((sql) =>
    sql<VerifiedRow[]>`
      select to_jsonb(findings) as findings, rows_read, next_seq
        from ledger.verify_user_page(user_id => ${userId}::bigint, after_seq => ${after}::bigint,
          max_rows => ${maxRows})
        ${condition(sql, userId, minSeq)}`
  )
  const { findings, rows_read, next_seq } = page!
  return {
    findings,
    rowsRead: Number(rows_read),
    next: next_seq === null ? null : Number(next_seq),
  }
}
