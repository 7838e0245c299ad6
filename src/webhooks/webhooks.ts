/** Delivers events to the receivers that a file names, which is read again when it changes. */
import { openRereadFile, type RereadFileParts } from '../core/reread_file.ts'
import type { WebhookMetrics } from '../telemetry/webhook_metrics.ts'
import { type Deliverer, type DelivererParts, startDeliverer } from './deliverer.ts'
import { parseWebhooks, type Receiver } from './webhooks_file.ts'

export interface WebhooksParts
  extends
    Omit<DelivererParts, 'receiver' | 'holder' | 'metrics'>,
    Pick<RereadFileParts<unknown>, 'path' | 'readText'> {
  metrics: WebhookMetrics
}

export interface Webhooks {
  /** Gives up what is on its way: it is delivered once more by whoever is next. */
  stop(): Promise<void>
}

/**
 * Starts to deliver.
 * @throws Error with one line if the file is missing or invalid at the start
 */
export async function startWebhooks(
  { path, readText, ...parts }: WebhooksParts,
): Promise<Webhooks> {
  const { log, metrics } = parts
  const holder = crypto.randomUUID()
  const deliverers = new Map<string, { as: string; deliverer: Deliverer }>()
  let isStopped = false

  async function end(name: string) {
    const { deliverer } = deliverers.get(name)!
    deliverers.delete(name)
    await deliverer.stop()
  }

  /** One change at a time: a receiver isn't started before it was stopped. */
  async function use(receivers: Receiver[]) {
    const wanted = new Map(receivers.map((one) => [one.name, JSON.stringify(one)]))
    const over = [...deliverers].filter(([name, { as }]) => wanted.get(name) !== as)
    await Promise.all(over.map(([name]) => end(name)))
    metrics.receivers([...wanted.keys()])
    for (const receiver of isStopped ? [] : receivers) {
      if (deliverers.has(receiver.name)) continue
      const deliverer = startDeliverer({ ...parts, receiver, holder })
      deliverers.set(receiver.name, { as: wanted.get(receiver.name)!, deliverer })
    }
  }

  let changing = Promise.resolve()
  const file = await openRereadFile({
    path,
    readText,
    log,
    setting: 'WEBHOOKS_FILE',
    what: 'the webhooks',
    parse: parseWebhooks,
    changed(receivers) {
      log.info('the webhooks have changed', undefined, { receivers: receivers.length })
      changing = changing.then(() => use(receivers))
    },
  })
  metrics.watch((name) => deliverers.get(name)?.deliverer.lagMs() ?? 0)
  changing = use(file.current())

  return {
    async stop() {
      isStopped = true
      file.stop()
      await changing
      await Promise.all([...deliverers.keys()].map(end))
    },
  }
}
