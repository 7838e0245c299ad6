/** Reads events page by page, each once and in order, as far as the history is settled. */
import { Problem } from '../core/errors.ts'
import { createIsFull } from '../core/page_length.ts'
import type { SettledHistory } from '../cache/settled_history.ts'
import { BEGINNING, type Cursor, cursorText } from './event_cursor.ts'
import type { EventFilter, EventPage, FoundEvents, LedgerEvents } from './event_functions.ts'
import { isDistributed } from './every_shard.ts'
import { lastOf, type ReadShardEvents } from './shard_events.ts'

export interface Events {
  /**
   * @throws Problem busy while nothing is known of the history, cursor_gone if the cursor is from
   * another one
   */
  read(cursor: Cursor, filter: EventFilter, maxRows: number): Promise<EventPage>
  /** The cursor behind everything that is settled. @throws Problem busy */
  last(): Cursor
  /**
   * Resolves with true as soon as the history is settled beyond a position, with false after that
   * time, or after `end`.
   */
  changed(through: number, limitMs: number): Promise<boolean>
  /** How far it is settled, as far as is known. @throws Problem busy */
  history(): SettledHistory
  /** To be called when the history is settled farther. */
  settled(history: SettledHistory): void
  /** For how long events have waited for a transaction that is open, in milliseconds. */
  lagMs(): number
  /** Ends all who wait. */
  end(): void
  readonly isEnded: boolean
}

/**
 * Creates the reader; several may read through it at once.
 * @param readShards reads where users are on several servers
 */
export function createEvents(
  ledger: Pick<LedgerEvents, 'getEvents'>,
  readShards?: ReadShardEvents,
): Events {
  let history: SettledHistory | undefined
  let isEnded = false
  /** When it was settled up to here, by our clock. */
  let movedAt = performance.now()
  const waiting = new Set<() => void>()
  const known = () => {
    if (history === undefined) throw new Problem('busy')
    return history
  }

  return {
    async read(cursor, filter, maxRows) {
      const now = known()
      if (readShards && isDistributed(now)) return await readShards(now, cursor, filter, maxRows)
      await assertSame(ledger, cursor, now)
      const { epoch, incarnation, position: settled = 0 } = now
      const { userIds, types } = filter
      const request = { epoch, settled, after: cursor, userIds, types, maxRows }
      return pageOf(await ledger.getEvents(request), incarnation, settled)
    },

    last() {
      const now = known()
      if (isDistributed(now)) return lastOf(now)
      if (now.position === undefined) throw new Problem('busy')
      return { ...BEGINNING, incarnation: now.incarnation, through: now.position }
    },

    changed: (through, limitMs) =>
      new Promise((resolve) => {
        const isBeyond = () => (history?.position ?? 0) > through
        const over = () => {
          clearTimeout(timer)
          waiting.delete(check)
          resolve(isBeyond())
        }
        const check = () => {
          if (isEnded || isBeyond()) over()
        }
        const timer = setTimeout(over, limitMs)
        waiting.add(check)
        check()
      }),

    history: known,
    settled(now) {
      const isMoved = now.position !== history?.position || now.epoch !== history?.epoch
      if (isMoved || now.position === now.lastPosition) movedAt = performance.now()
      history = now
      for (const check of waiting) check()
    },

    lagMs: () =>
      history === undefined || history.position === history.lastPosition
        ? 0
        : performance.now() - movedAt,

    end() {
      isEnded = true
      for (const check of waiting) check()
    },
    get isEnded() {
      return isEnded
    },
  }
}

/**
 * A cursor of another incarnation may know of what this one has lost, even if its last event is
 * here. Whoever accepts that goes on from `resume`.
 */
async function assertSame(
  ledger: Pick<LedgerEvents, 'getEvents'>,
  cursor: Cursor,
  { epoch, incarnation }: SettledHistory,
): Promise<void> {
  if (cursor.series) throw new Problem('cursor_gone')
  if (cursor.incarnation === undefined || cursor.incarnation === incarnation) return
  const { position, digest } = cursor
  if (position === 0) throw new Problem('cursor_gone')
  const after = { position, digest, through: 0 }
  const nothing = { userIds: undefined, types: undefined, settled: 0, maxRows: 1 }
  await ledger.getEvents({ epoch, after, ...nothing })
  const resume = cursorText({ position, digest, incarnation, through: 0 })
  throw new Problem('cursor_gone', { resume })
}

/** As many of them as fit into a megabyte. */
function pageOf({ found, end }: FoundEvents, incarnation: string, settled: number): EventPage {
  const events: EventPage['events'] = []
  const isFull = createIsFull()
  for (const { position, digest, event } of found) {
    if (isFull(event)) break
    events.push({ event, cursor: { position, digest, incarnation, through: position } })
  }
  const next = events.length < found.length ? events.at(-1)!.cursor : { ...end, incarnation }
  return { events, next, hasMore: next.through < settled }
}
