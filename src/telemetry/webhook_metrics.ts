/** Metrics of webhooks, by receiver: the names are those of the settings. */
import { Counter, Gauge, type Registry } from 'prom-client'

const OUTCOMES = ['ok', 'failed', 'gone'] as const

export interface WebhookMetrics {
  /** Sets which receivers have series. */
  receivers(names: string[]): void
  /** Counts an attempt to deliver a message. */
  delivered(receiver: string, outcome: typeof OUTCOMES[number]): void
  /** From now on each scrape asks how old the oldest event is that a receiver lacks. */
  watch(lagMs: (receiver: string) => number): void
}

/** Creates the metrics of webhooks. */
export function createWebhookMetrics(registers: Registry[]): WebhookMetrics {
  let names: string[] = []
  let lagOf: (receiver: string) => number = () => 0
  const deliveries = new Counter({
    name: 'ledger_webhook_deliveries_total',
    help: 'Attempts to deliver a message, by receiver and outcome: ok, failed or gone.',
    labelNames: ['receiver', 'outcome'],
    registers,
  })
  const lag: Gauge = new Gauge({
    name: 'ledger_webhook_lag_seconds',
    help: 'How old the oldest event is that was read for a receiver and is not delivered; 0: none.',
    labelNames: ['receiver'],
    registers,
    collect() {
      for (const receiver of names) lag.set({ receiver }, lagOf(receiver) / 1000)
    },
  })

  return {
    receivers(now) {
      for (const receiver of names.filter((name) => !now.includes(name))) {
        lag.remove({ receiver })
        for (const outcome of OUTCOMES) deliveries.remove({ receiver, outcome })
      }
      names = now
      for (const receiver of now) {
        for (const outcome of OUTCOMES) deliveries.inc({ receiver, outcome }, 0)
      }
    },
    delivered: (receiver, outcome) => deliveries.inc({ receiver, outcome }),
    watch: (read) => lagOf = read,
  }
}
