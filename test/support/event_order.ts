/** In which order somebody has to get the events of a user. */
import { expect } from 'vitest'

export interface Event {
  id: string
  type: string
  timestamp: string
  user_id: number
  data: { seq?: number; hold?: number; number?: number }
}

/**
 * Entries, the changes of each hold and those of what a user may do, each numbered without a gap;
 * a change of a hold behind the entry that it names.
 */
export function expectInOrder(events: Event[]): void {
  const last = new Map<string, number>()
  for (const { type, user_id: user, data: { seq, hold, number } } of events) {
    const chains: [string, number][] = type === 'entry.posted'
      ? [[`${user}`, seq!]]
      : type.startsWith('hold.')
      ? [[`${user} hold ${hold}`, number!]]
      : [[`${user} controls`, number!]]
    for (const [name, n] of chains) {
      expect([name, n]).toEqual([name, (last.get(name) ?? 0) + 1])
      last.set(name, n)
    }
    if (type.startsWith('hold.') && type !== 'hold.captured') {
      expect(last.get(`${user}`)).toBeGreaterThanOrEqual(seq!)
    }
  }
}

/** Its position, which it alone has. */
export const numberOf = ({ id }: Event) => id.split('-')[0]!
