/** Makes of events what a receiver of webhooks gets. */
import { EVENT_TYPES, type EventFilter, type LedgerEvent } from '../ledger/event_functions.ts'
import type { Entry } from '../ledger/rows.ts'
import type { LedgerWebhooks } from '../ledger/webhook_functions.ts'
import type { Message } from './delivery.ts'
import type { MessageType, Receiver } from './webhooks_file.ts'

const wants = ({ types }: Receiver, type: MessageType): boolean => types?.includes(type) ?? true

/** Which events have to be read for a receiver. */
export function filterOf(receiver: Receiver): EventFilter {
  const { users, types, balance_below } = receiver
  if (!types) return { userIds: users }
  return {
    userIds: users,
    types: EVENT_TYPES.filter((type) =>
      wants(receiver, type) || (type === 'entry.posted' && balance_below !== undefined)
    ),
  }
}

/**
 * The messages of these events, in their order: behind an entry those of the thresholds below which
 * it took the balance.
 */
export async function messagesOf(
  receiver: Receiver,
  events: LedgerEvent[],
  { balancesBelow }: Pick<LedgerWebhooks, 'balancesBelow'>,
): Promise<Message[]> {
  const entries = events.flatMap(({ type, user_id, data }) =>
    type === 'entry.posted' ? [{ userId: user_id, seq: (data as Entry).seq }] : []
  )
  const { balance_below: thresholds } = receiver
  const below = thresholds && entries.length > 0 ? await balancesBelow(entries, thresholds) : []
  return events.flatMap((event) => [
    ...(wants(receiver, event.type) ? [event] : []),
    ...below.filter(({ user_id, seq }) =>
      event.type === 'entry.posted' && user_id === event.user_id &&
      seq === (event.data as Entry).seq
    ).map(({ seq, threshold, balance }) => ({
      id: `${event.id}-below-${threshold}`,
      type: 'balance.below',
      timestamp: event.timestamp,
      user_id: event.user_id,
      data: { threshold, balance, seq },
    })),
  ])
}
