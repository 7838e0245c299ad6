/** Delivers messages to one receiver, each as often as it takes. */
import { createFairSemaphore } from '../core/semaphore.ts'
import type { Log } from '../telemetry/log.ts'
import type { WebhookMetrics } from '../telemetry/webhook_metrics.ts'
import { deliver, type Message } from './delivery.ts'
import { pause } from './pause.ts'
import type { Receiver } from './webhooks_file.ts'

/** Requests to a receiver at once, each for another user. */
const AT_ONCE = 8
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 300_000

/**
 * Why nothing more is delivered for now. stopped: this instance delivers no more to the receiver;
 * lost: another instance has it; gone: it wants nothing more at this address.
 */
export type Reason = 'stopped' | 'lost' | 'gone'

export interface Attempts {
  /**
   * Delivers messages, those of a user one behind the other, until `over` aborts; aborts it if the
   * receiver is gone.
   * @returns whether all are delivered
   */
  deliverAll: (messages: Message[], over: AbortController) => Promise<boolean>
  /** How old the oldest message is that has not been delivered, by our clock; 0: there is none. */
  lagMs: () => number
}

export interface AttemptsParts {
  receiver: Receiver
  metrics: Pick<WebhookMetrics, 'delivered'>
  log: Pick<Log, 'warn'>
}

/** Jitter, so that those that failed together don't come back together. */
function backoffMs(failures: number): number {
  const limitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
  return limitMs * (0.5 + Math.random() / 2)
}

/** Creates what delivers to a receiver. */
export function createAttempts({ receiver, metrics, log }: AttemptsParts): Attempts {
  const { name } = receiver
  let undelivered: Message[] = []

  async function attempt(message: Message, over: AbortController): Promise<boolean> {
    for (let failures = 0; !over.signal.aborted; failures++) {
      const outcome = await deliver(receiver, message, over.signal)
      if (outcome.kind === 'failed' && over.signal.aborted) return false
      metrics.delivered(name, outcome.kind)
      if (outcome.kind === 'ok') {
        undelivered = undelivered.filter((one) => one !== message)
        return true
      }
      if (outcome.kind === 'gone') {
        over.abort('gone' satisfies Reason)
        return false
      }
      log.warn('a webhook was not taken', outcome.why, { receiver: name })
      const waitMs = Math.max(backoffMs(failures), (outcome.retryAfterSeconds ?? 0) * 1000)
      await pause(waitMs, over.signal)
    }
    return false
  }

  return {
    async deliverAll(messages, over) {
      undelivered = messages
      const ofUsers = createFairSemaphore({ limit: AT_ONCE, perKey: 1 })
      const done = await Promise.all(
        messages.map((one) => ofUsers.take(one.user_id, () => attempt(one, over))),
      )
      undelivered = []
      return done.every(Boolean)
    },
    lagMs: () =>
      undelivered.length === 0
        ? 0
        : Math.max(0, Date.now() - Date.parse(undelivered[0]!.timestamp)),
  }
}
