/** The functions that freeze users and limit their credit, and that tell who did. */
import { type Database, isoTimestamp } from '../database/database.ts'
import { isLongRead } from './read_functions.ts'

export type ControlOperation = 'FREEZE' | 'THAW' | 'CREDIT LIMIT'

/** What holds for a user now. */
export interface UserState {
  /** Null: it isn't frozen. */
  frozen_at: string | null
  credit_limit: string
}

export interface NewControl {
  operation: ControlOperation
  userId: number
  /** Decimal string; `0`: none. */
  creditLimit?: string | undefined
  reason?: string | undefined
  /** The name of the caller. */
  actor?: string | undefined
}

export interface Control {
  /** 1, 2, 3 … for each user. */
  number: number
  at: string
  operation: 'freeze' | 'thaw' | 'credit_limit'
  credit_limit?: string
  reason?: string
  /** Who had logged in to the database. */
  role: string
  caller?: string
}

export interface LedgerControls {
  /** @throws LGUSR, LGRNG, 55P03 */
  setControl(control: NewControl): Promise<UserState>
  /** Undefined for an unknown user. */
  getUserState(userId: number): Promise<UserState | undefined>
  /** Newest first, below `before` if it is given. */
  listControls(
    userId: number,
    page: { before: number | undefined; maxRows: number },
  ): Promise<Control[]>
}

interface StateRow {
  user_id: string | null
  frozen_at: string | null
  credit_limit: string
}

/** A row of the table user_controls. */
export interface ControlRow {
  number: string
  at: string
  operation: ControlOperation
  credit_limit: string | null
  reason: string | null
  role: string
  actor: string | null
}

const NAMES = { 'FREEZE': 'freeze', 'THAW': 'thaw', 'CREDIT LIMIT': 'credit_limit' } as const

const stateOf = ({ frozen_at, credit_limit }: StateRow): UserState => ({
  frozen_at: frozen_at === null ? null : isoTimestamp(frozen_at),
  credit_limit,
})

/** Converts a row of user_controls. */
export const controlOf = (row: ControlRow): Control => ({
  number: Number(row.number),
  at: isoTimestamp(row.at),
  operation: NAMES[row.operation],
  ...(row.credit_limit !== null && { credit_limit: row.credit_limit }),
  ...(row.reason !== null && { reason: row.reason }),
  role: row.role,
  ...(row.actor !== null && { caller: row.actor }),
})

/**
 * Creates the functions.
 * @param writing waits for users whom somebody else holds
 * @param long for long pages
 */
export function createLedgerControls(
  { run }: Pick<Database, 'run'>,
  writing: Pick<Database, 'run'>,
  long: Pick<Database, 'run'>,
): LedgerControls {
  return {
    async setControl({ operation, userId, creditLimit, reason, actor }) {
      const [row] = await writing.run((sql) =>
        sql<StateRow[]>`
          select * from ledger.set_control(operation => ${operation}, user_id => ${userId}::bigint,
            credit_limit => ${creditLimit ?? null}::numeric, reason => ${reason ?? null}::text,
            actor => ${actor ?? null}::text)`
      )
      return stateOf(row!)
    },

    async getUserState(userId) {
      const [row] = await run((sql) =>
        sql<StateRow[]>`select * from ledger.get_user_state(user_id => ${userId}::bigint)`
      )
      return row === undefined || row.user_id === null ? undefined : stateOf(row)
    },

    async listControls(userId, page) {
      const { before, maxRows } = page
      const { run: runPage } = isLongRead(page) ? long : { run }
      const rows = await runPage((sql) =>
        sql<ControlRow[]>`
          select * from ledger.list_controls(user_id => ${userId}::bigint,
            before => ${before ?? null}::bigint, max_rows => ${maxRows})`
      )
      return rows.map(controlOf)
    },
  }
}
