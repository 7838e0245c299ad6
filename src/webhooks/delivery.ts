/** Sends one message to a receiver of webhooks, signed as Standard Webhooks say. */
import { Webhook } from 'standardwebhooks'
import { stringify } from '../core/raw_json.ts'
import { VERSION } from '../core/version.ts'
import type { LedgerEvent } from '../ledger/event_functions.ts'
import type { Receiver } from './webhooks_file.ts'

/** How long a receiver may take to respond. */
const RESPONSE_MS = 15_000
/** The longest wait that a receiver can ask for. */
const MAX_RETRY_AFTER_SECONDS = 300

/** What is delivered: an event, or that a balance fell below a threshold. */
export interface Message extends Omit<LedgerEvent, 'type' | 'data'> {
  type: string
  data: object
}

export type Outcome =
  | { kind: 'ok' }
  /** The receiver wants nothing more at this address. */
  | { kind: 'gone' }
  | { kind: 'failed'; why: string; retryAfterSeconds?: number | undefined }

/**
 * Sends a message once. Follows no redirect and reads no body: a receiver decides only whether it
 * has taken the message.
 */
export async function deliver(
  { url, secrets }: Pick<Receiver, 'url' | 'secrets'>,
  message: Message,
  stopping: AbortSignal,
): Promise<Outcome> {
  const body = stringify(message)
  const now = new Date()
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), RESPONSE_MS)
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([stopping, timeout.signal]),
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': `ledger/${VERSION}`,
        'webhook-id': message.id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': secrets.map((secret) =>
          new Webhook(secret).sign(message.id, now, body)
        )
          .join(' '),
      },
      body,
    })
    await response.body?.cancel()
    return outcomeOf(response)
  } catch (error) {
    const { code } = (error as { cause?: { code?: string } }).cause ?? {}
    return { kind: 'failed', why: timeout.signal.aborted ? 'no response in time' : code ?? 'lost' }
  } finally {
    clearTimeout(timer)
  }
}

function outcomeOf({ ok, status, headers }: Response): Outcome {
  if (ok) return { kind: 'ok' }
  if (status === 410) return { kind: 'gone' }
  const after = headers.get('retry-after') ?? ''
  return {
    kind: 'failed',
    why: `status ${status}`,
    retryAfterSeconds: /^\d{1,9}$/.test(after)
      ? Math.min(Number(after), MAX_RETRY_AFTER_SECONDS)
      : undefined,
  }
}
