/** Shows amounts and moments as the ledger says them. Nothing here calculates with money. */
import type { Entry } from '../client/ledger.ts'
import { element } from './element.ts'

/** How many there are, in words. */
export const counted = (count: number, one: string, several: string): string =>
  `${count || 'no'} ${count === 1 ? one : several}`

/** With commas between thousands and two decimals; a minus sign instead of a hyphen. */
export function money(amount: string): string {
  const [whole = '', decimals = ''] = amount.replace('-', '−').split('.')
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${decimals.padEnd(2, '0')}`
}

/** A credit with a plus sign, a debit with a minus sign. */
export const signed = ({ action, amount }: Pick<Entry, 'action' | 'amount'>): string =>
  `${action === 'CREDIT' ? '+' : '−'}${money(amount)}`

/** In UTC, to the second; the microseconds are in its title. */
export function moment(text: string): HTMLTimeElement {
  const shown = text.replace('T', ' ').replace(/(\.\d+)?Z$/, '')
  return element('time', { datetime: text, title: `${text} (UTC)` }, shown)
}

/** What made an entry, beyond its action. */
export function kindOf({ action, transfer, reverses, hold }: Entry): string {
  if (reverses !== undefined) return `Reversal of ${reverses}`
  if (transfer) return `Transfer ${action === 'DEBIT' ? 'to' : 'from'} ${transfer.user_id}`
  if (hold !== undefined) return `Capture of hold ${hold}`
  return action === 'CREDIT' ? 'Credit' : 'Debit'
}

/** Whether nothing of an entry is left to be taken back. */
export const isReversed = ({ reversed_by, reversed }: Entry): boolean =>
  reversed_by !== undefined && reversed === undefined

/** The reason in metadata, or else its members, as one line. */
export function noteOf(metadata: Record<string, unknown> = {}): string {
  const textOf = (value: unknown) => typeof value === 'string' ? value : JSON.stringify(value)
  if (typeof metadata['reason'] === 'string') return metadata['reason']
  return Object.entries(metadata).map(([name, value]) => `${name}: ${textOf(value)}`).join(', ')
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
const endOf = (day: string): string => `${day}T23:59:59.999999Z`

/**
 * From one day to another, both included, in UTC, as a query; an empty text is no bound. What ends
 * today has no end, as the ledger refuses moments that are in the future.
 */
export function period(from: string, to: string): { from?: string; to?: string } {
  const before = new Date(`${from}T00:00:00Z`)
  if (from) before.setUTCDate(before.getUTCDate() - 1)
  return {
    ...(from && { from: endOf(dayOf(before)) }),
    ...(to && to < dayOf(new Date()) && { to: endOf(to) }),
  }
}
