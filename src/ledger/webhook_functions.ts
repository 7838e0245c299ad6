/** The functions that keep where the receivers of webhooks are. */
import type { Database } from '../database/database.ts'
import { arrayLiteral } from './rows.ts'

export interface Claim {
  isHeld: boolean
  /** Up to here everything was delivered. */
  position: number
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
   * `start`: the position of a receiver that is new.
   */
  claimWebhook(
    claim: { receiver: string; holder: string; holdMs: number; start: number },
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
      delivered: number
      gone?: string | undefined
    },
  ): Promise<boolean>
  /** With which of these entries a balance fell below which threshold. */
  balancesBelow(
    entries: { userId: number; seq: number }[],
    thresholds: string[],
  ): Promise<BalanceBelow[]>
}

/** Runs on connections for short calls. */
export function createLedgerWebhooks({ run }: Pick<Database, 'run'>): LedgerWebhooks {
  return {
    async claimWebhook({ receiver, holder, holdMs, start }) {
      const [row] = await run((sql) =>
        sql<{ is_held: boolean; position: string; gone: string | null }[]>`
          select * from ledger.claim_webhook(receiver => ${receiver}, holder => ${holder},
            hold_ms => ${holdMs}, start => ${start}::bigint)`
      )
      return { isHeld: row!.is_held, position: Number(row!.position), gone: row!.gone }
    },

    async advanceWebhook({ receiver, holder, holdMs, delivered, gone }) {
      const [row] = await run((sql) =>
        sql<{ is_held: boolean }[]>`
          select ledger.advance_webhook(receiver => ${receiver}, holder => ${holder},
            hold_ms => ${holdMs}, delivered => ${delivered}::bigint,
            gone => ${gone ?? null}::text) as is_held`
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
