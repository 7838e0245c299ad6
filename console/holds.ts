/** The holds of a user. */
import type { HeldHold } from '../client/ledger.ts'
import { arrange, card, element } from './element.ts'
import { choice, labelled } from './field.ts'
import { keepFocus } from './focus.ts'
import { moment, money, noteOf } from './format.ts'
import type { Section } from './history.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

const PAGE_SIZE = 50
const STATUSES = ['active', 'captured', 'released', 'expired'] as const
/** After a hold was to expire, by the clock of this browser, which may be wrong. */
const EXPIRY_PAUSE_MS = 1_000
/** Longer than this a timer can't wait, and nobody looks at a page. */
const MAX_WAIT_MS = 86_400_000

/** What a button of an active hold does, by its name. */
export type HoldAction = readonly [name: string, run: () => void]

export interface HoldsSection extends Section {
  stop(): void
}

/** The holds of a user; `onExpiry`: one that is shown is no longer held. */
export function holdsSection(
  { client }: Session,
  id: number,
  actionsOf: (hold: HeldHold) => readonly HoldAction[],
  onExpiry: () => void,
): HoldsSection {
  const list = element('ul', { class: 'items holds' })
  const problem = element('div', { role: 'alert' })
  const nothing = element('p', { class: 'note', hidden: true })
  const status = choice(
    { change: () => void load() },
    [...STATUSES.map((name) => [name, name] as const), ['', 'all']],
  )
  const more = element('button', { click: () => void load(true), hidden: true }, 'More holds')
  let next: number | null = null
  let asked = 0
  let expiry: ReturnType<typeof setTimeout> | undefined
  /** By number, with what they were made of. */
  const items = new Map<number, { item: HTMLElement; text: string }>()

  function itemOf(hold: HeldHold): HTMLElement {
    const known = items.get(hold.hold)
    const text = JSON.stringify(hold)
    if (known?.text === text) return known.item
    const item = holdItem(hold, hold.status === 'active' ? actionsOf(hold) : [])
    items.set(hold.hold, { item, text })
    return item
  }

  /** No event tells that the time of a hold is over. */
  function awaitExpiry(holds: readonly HeldHold[]): void {
    clearTimeout(expiry)
    const ends = holds.flatMap(({ status, expires_at }) =>
      status === 'active' && expires_at !== null ? [Date.parse(expires_at)] : []
    )
    const waitMs = Math.max(0, Math.min(...ends) - Date.now()) + EXPIRY_PAUSE_MS
    if (waitMs < MAX_WAIT_MS) expiry = setTimeout(onExpiry, waitMs)
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
      keepFocus(() => arrange(list, isMore ? [...list.childNodes, ...shown] : shown))
      next = page.next
      more.hidden = next === null
      nothing.hidden = list.childElementCount > 0
      nothing.textContent = wanted === undefined ? 'No holds.' : `No ${wanted} holds.`
      awaitExpiry(page.holds)
    } catch (error) {
      if (number === asked) problem.replaceChildren(explain(error))
    }
  }

  return {
    node: card('Holds', labelled('Status', status), list, nothing, problem, more),
    refresh: () => load(),
    stop: () => clearTimeout(expiry),
  }
}

function holdItem(hold: HeldHold, actions: readonly HoldAction[]): HTMLElement {
  const { hold: number, amount, captured, remaining, status, expires_at, created_at } = hold
  const note = noteOf(hold.metadata)
  const buttons = actions.map(([name, run]) =>
    element('button', { click: run, 'aria-label': `${name} hold ${number}` }, name)
  )
  return element(
    'li',
    {},
    element('span', {}, `Hold ${number}`, element('span', { class: `badge ${status}` }, status)),
    element('span', { class: 'strong number' }, money(status === 'active' ? remaining : amount)),
    element(
      'span',
      { class: 'note' },
      captured === '0.00' ? '' : `${money(captured)} of ${money(amount)} captured · `,
      moment(created_at),
      ...(expires_at === null ? [] : [' · expires ', moment(expires_at)]),
    ),
    note === '' ? undefined : element('span', { class: 'reason' }, note),
    buttons.length === 0 ? undefined : element('span', { class: 'buttons' }, ...buttons),
  )
}
