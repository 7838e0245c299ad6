/** The functions that keep where the receivers of webhooks are. */
import type { Database } from '../database/database.ts'
import { BEGINNING, type Cursor, cursorText, parseCursor } from './event_cursor.ts'
import { arrayLiteral } from './rows.ts'

export interface Claim {
  isHeld: boolean
  /** Up to here everything was delivered. */
  delivered: Cursor
  /** What `advanceWebhook` was told last: names the address that isn't to be used any more. */
  gone: string | null
}

export interface BalanceBelow {
  user_id: number
  seq: number
  threshold: string
  balance: string
}

export interface LedgerWebhooks {
  /**
   * Gives a receiver to `holder`, one of the instances that deliver, for `holdMs` milliseconds.
   * `start`: where a receiver that is new begins.
   */
  claimWebhook(
    claim: { receiver: string; holder: string; holdMs: number; start: Cursor },
  ): Promise<Claim>
  /**
   * Keeps up to where everything was delivered, and for `holdMs` more the receiver; 0 gives it up.
   * @returns false if somebody else has the receiver
   */
  advanceWebhook(
    advance: {
      receiver: string
      holder: string
      holdMs: number
      delivered: Cursor
      gone?: string | undefined
    },
  ): Promise<boolean>
  /** With which of these entries a balance fell below which threshold. */
  balancesBelow(
    entries: { userId: number; seq: number }[],
    thresholds: string[],
  ): Promise<BalanceBelow[]>
}

const positionOf = ({ series, through }: Cursor): number => series ? 0 : through

/** Where users are on several servers; null: the position says it. */
const textOf = (cursor: Cursor): string | null => cursor.series ? cursorText(cursor) : null

/** Runs on connections for short calls. */
export function createLedgerWebhooks({ run }: Pick<Database, 'run'>): LedgerWebhooks {
  return {
    async claimWebhook({ receiver, holder, holdMs, start }) {
      const [row] = await run((sql) =>
        sql<
          { is_held: boolean; position: string; gone: string | null; cursor: string | null }[]
        >`select * from ledger.claim_webhook(receiver => ${receiver}, holder => ${holder},
            hold_ms => ${holdMs}, start => ${positionOf(start)}::bigint,
            start_cursor => ${textOf(start)}::text)`
      )
      const { is_held: isHeld, position, gone, cursor } = row!
      const delivered = cursor === null ? undefined : parseCursor(cursor)
      return { isHeld, gone, delivered: delivered ?? { ...BEGINNING, through: Number(position) } }
    },

    async advanceWebhook({ receiver, holder, holdMs, delivered, gone }) {
      const [row] = await run((sql) =>
        sql<{ is_held: boolean }[]>`
          select ledger.advance_webhook(receiver => ${receiver}, holder => ${holder},
            hold_ms => ${holdMs}, delivered => ${positionOf(delivered)}::bigint,
            gone => ${gone ?? null}::text, cursor => ${textOf(delivered)}::text) as is_held`
      )
      return row!.is_held
    },

    async balancesBelow(entries, thresholds) {
      const rows = await run((sql) =>
        sql<{ user_id: string; seq: string; threshold: string; balance: string }[]>`
          select * from ledger.balances_below(
            user_ids => ${arrayLiteral(entries.map(({ userId }) => userId))}::bigint[],
            seqs => ${arrayLiteral(entries.map(({ seq }) => seq))}::bigint[],
            thresholds => ${arrayLiteral(thresholds)}::numeric[])`
      )
      return rows.map(({ user_id, seq, threshold, balance }) => ({
        user_id: Number(user_id),
        seq: Number(seq),
        threshold,
        balance,
      }))
    },
  }
}
