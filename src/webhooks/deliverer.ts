/** Delivers to one receiver of webhooks what happens, in the order of each user. */
import { isPassing, Problem } from '../core/errors.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { BEGINNING, type Cursor, parseCursor } from '../ledger/event_cursor.ts'
import type { Events } from '../ledger/events.ts'
import type { LedgerWebhooks } from '../ledger/webhook_functions.ts'
import type { Log } from '../telemetry/log.ts'
import { type Attempts, type AttemptsParts, createAttempts, type Reason } from './attempts.ts'
import { filterOf, messagesOf } from './messages.ts'
import { pause } from './pause.ts'

/** Events that are read, and kept in memory, at once; so many may come twice after a crash. */
const PAGE_ROWS = 100
/** How long a receiver stays with an instance that doesn't say that it goes on. */
const HOLD_MS = 30_000
const RENEW_MS = 10_000
/** How often an instance asks for a receiver that it doesn't have. */
const CLAIM_MS = 5_000
/** How often it looks whether it has to stop while there is nothing to deliver. */
const IDLE_MS = 1_000
/** How far a position in memory may be ahead of the one that is kept, where there was no event. */
const MAX_UNKEPT = 1_000

export interface DelivererParts extends AttemptsParts {
  /** Names the instance. */
  holder: string
  events: Pick<Events, 'read' | 'last' | 'changed'>
  ledger: LedgerWebhooks
  longReads: FairSemaphore
  /** SHA-256 in hexadecimal. */
  sha256: (text: string) => string
  log: Pick<Log, 'info' | 'warn' | 'error'>
}

export interface Deliverer extends Pick<Attempts, 'lagMs'> {
  /** Gives up what is on its way, and the receiver. */
  stop(): Promise<void>
}

/**
 * Where to go on. On one server this is kept beside the events, and is restored with them; of
 * several, each may lose some that were delivered.
 */
const placeOf = (cursor: Cursor): Cursor =>
  cursor.series ? cursor : { ...BEGINNING, through: cursor.through }

/** The same place in what a server has that took over; undefined: the error is another one. */
function resumeOf(error: unknown): Cursor | undefined {
  const resume = error instanceof Problem ? error.details['resume'] : undefined
  return typeof resume === 'string' ? parseCursor(resume) : undefined
}

/** Starts to deliver, until it is stopped. Of several instances one delivers at a time. */
export function startDeliverer(parts: DelivererParts): Deliverer {
  const { receiver: { name, url, from }, holder, events, ledger, log } = parts
  const address = parts.sha256(url)
  const attempts = createAttempts(parts)
  const stopping = new AbortController()

  /** Tries to get the receiver, and has it as long as it can. */
  async function claim() {
    const start = from === 'first' ? BEGINNING : placeOf(events.last())
    const claimed = await ledger.claimWebhook({ receiver: name, holder, holdMs: HOLD_MS, start })
    if (!claimed.isHeld || claimed.gone === address) return
    const over = new AbortController()
    const stop = () => over.abort('stopped' satisfies Reason)
    stopping.signal.addEventListener('abort', stop)
    try {
      await work(parts, attempts, claimed.delivered, over)
    } finally {
      stopping.signal.removeEventListener('abort', stop)
    }
  }

  async function run() {
    while (!stopping.signal.aborted) {
      await claim().catch((error: unknown) => {
        if (!isPassing(error)) log.error('webhooks are not delivered', error, { receiver: name })
      })
      await pause(CLAIM_MS * (0.5 + Math.random() / 2), stopping.signal)
    }
  }

  const running = run()
  return {
    lagMs: attempts.lagMs,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Delivers what is behind a cursor, until `over` aborts. */
async function work(
  { receiver, holder, events, ledger, longReads, sha256, log }: DelivererParts,
  { deliverAll }: Attempts,
  delivered: Cursor,
  over: AbortController,
): Promise<void> {
  const { name, url } = receiver
  const filter = filterOf(receiver)
  let kept = delivered
  async function keep(more: { holdMs?: number; gone?: string; delivered?: Cursor } = {}) {
    const advance = { receiver: name, holder, holdMs: HOLD_MS, delivered: kept, ...more }
    if (!await ledger.advanceWebhook(advance)) over.abort('lost' satisfies Reason)
  }

  // It may come after one that says more, so it says only that this one goes on.
  const renew = () => void keep({ delivered: BEGINNING }).catch(() => {})
  const renewal = setInterval(renew, RENEW_MS)
  try {
    for (let at = delivered; !over.signal.aborted;) {
      const page = await longReads.take(
        `webhook ${name}`,
        () => events.read(at, filter, PAGE_ROWS),
        { isBegun: true },
      ).catch((error: unknown) => {
        const resume = resumeOf(error)
        if (!resume) throw error
        log.warn('a server was taken over: what was delivered may be gone', error, {
          receiver: name,
        })
        at = resume
        return undefined
      })
      if (!page) continue
      const messages = await messagesOf(receiver, page.events.map(({ event }) => event), ledger)
      if (!await deliverAll(messages, over)) break
      at = placeOf(page.next)
      if (messages.length > 0 || at.through - kept.through > MAX_UNKEPT) {
        kept = at
        await keep()
      }
      if (!page.hasMore) await events.changed(at.through, IDLE_MS)
    }
  } finally {
    clearInterval(renewal)
    const reason = over.signal.reason as Reason | undefined
    if (reason === 'gone') {
      log.error('a webhook is gone: nothing more is sent there', undefined, { receiver: name })
      await keep({ gone: sha256(url) })
    } else if (reason !== 'lost') await keep({ holdMs: 0 })
  }
}
