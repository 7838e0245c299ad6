/** The holds of a user. */
import type { HeldHold } from '../client/ledger.ts'
import { arrange, card, choice, element, labelled } from './element.ts'
import { moment, money, noteOf } from './format.ts'
import type { Section } from './history.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

const PAGE_SIZE = 50
const STATUSES = ['active', 'captured', 'released', 'expired'] as const

/** The holds of a user; `onRelease`: what a button on each active one does. */
export function holdsSection(
  { client }: Session,
  id: number,
  onRelease?: (hold: HeldHold) => void,
): Section {
  const list = element('ul', { class: 'holds' })
  const problem = element('div', { role: 'alert' })
  const nothing = element('p', { class: 'note', hidden: true }, 'None.')
  const status = choice(
    { change: () => void load() },
    [...STATUSES.map((name) => [name, name] as const), ['', 'all']],
  )
  const more = element('button', { click: () => void load(true), hidden: true }, 'More holds')
  let next: number | null = null
  let asked = 0
  /** By number, with what they were made of. */
  const items = new Map<number, { item: HTMLElement; text: string }>()

  function itemOf(hold: HeldHold): HTMLElement {
    const known = items.get(hold.hold)
    const text = JSON.stringify(hold)
    if (known?.text === text) return known.item
    const item = holdItem(hold, hold.status === 'active' ? onRelease : undefined)
    items.set(hold.hold, { item, text })
    return item
  }

  async function load(isMore = false) {
    const number = ++asked
    problem.replaceChildren()
    const wanted = STATUSES.find((one) => one === status.value)
    try {
      const page = await client.listHolds(id, {
        limit: PAGE_SIZE,
        ...(wanted && { status: wanted }),
        ...(isMore && next !== null && { after: next }),
      })
      if (number !== asked) return
      const shown = page.holds.map(itemOf)
      arrange(list, isMore ? [...list.childNodes, ...shown] : shown)
      next = page.next
      more.hidden = next === null
      nothing.hidden = list.childElementCount > 0
    } catch (error) {
      if (number === asked) problem.replaceChildren(explain(error))
    }
  }

  return {
    node: card('Holds', labelled('Status', status), list, nothing, problem, more),
    refresh: () => load(),
  }
}

function holdItem(hold: HeldHold, onRelease: ((hold: HeldHold) => void) | undefined): HTMLElement {
  const { hold: number, amount, captured, status, expires_at, created_at, metadata } = hold
  const note = noteOf(metadata)
  const release = onRelease && element(
    'button',
    { click: () => onRelease(hold), 'aria-label': `Release hold ${number}` },
    'Release',
  )
  return element(
    'li',
    {},
    element('span', { class: 'strong number' }, money(amount)),
    element('span', { class: `badge ${status}` }, status),
    element(
      'span',
      { class: 'note' },
      `Hold ${number}, `,
      captured === '0.00' ? '' : `${money(captured)} captured, `,
      moment(created_at),
      ...(expires_at === null ? [] : [', expires ', moment(expires_at)]),
    ),
    note === '' ? undefined : element('span', { class: 'reason' }, note),
    release,
  )
}
