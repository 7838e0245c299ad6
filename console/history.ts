/** The history of a user: newest first, page by page, with filters. */
import type { Entry, HistoryQuery } from '../client/ledger.ts'
import { arrange, type Attributes, card, element, isWide } from './element.ts'
import { choice, labelled } from './field.ts'
import { keepFocus } from './focus.ts'
import { isReversed, kindOf, moment, money, noteOf, period, signed } from './format.ts'
import { explain } from './problem.ts'
import { reaches, type Session } from './session.ts'

export interface Section {
  node: HTMLElement
  /** Asks the ledger again. */
  refresh(): Promise<void>
}

/** Fewer where little room is left for what comes behind them. */
const PAGE_SIZE = isWide() ? 50 : 20
const MAX_PAGE_SIZE = 1000
const ACTIONS = ['CREDIT', 'DEBIT'] as const

function reversalBadge({ reversed_by, reversed }: Entry): HTMLElement | undefined {
  if (reversed_by === undefined) return undefined
  const text = reversed === undefined ? `reversed by ${reversed_by}` : `${money(reversed)} reversed`
  return element('span', { class: 'badge' }, text)
}

/** What made an entry, which leads to what else was changed or what is taken back. */
function kindLink(session: Session, id: number, entry: Entry): HTMLElement {
  const { transfer, reverses } = entry
  const other = reverses === undefined ? transfer : { user_id: id, seq: reverses }
  const kind = kindOf(entry)
  if (!other || !reaches(session, other.user_id)) {
    return element('span', { class: 'kind' }, kind)
  }
  const href = `#/users/${other.user_id}/entries/${other.seq}`
  return element('a', { class: 'kind', href }, kind)
}

function rowOf(session: Session, id: number, entry: Entry): HTMLTableRowElement {
  const { seq, action, balance, ts, metadata, idempotency_key } = entry
  const note = noteOf(metadata)
  const link = { href: `#/users/${id}/entries/${seq}`, 'aria-label': `Entry ${seq}` }
  return element(
    'tr',
    { class: isReversed(entry) && 'reversed' },
    element('td', { class: 'number' }, element('a', link, String(seq))),
    element('td', { class: 'when' }, moment(ts)),
    element(
      'td',
      { class: 'text' },
      kindLink(session, id, entry),
      reversalBadge(entry),
      note === '' ? undefined : element('span', { class: 'reason' }, note),
    ),
    element('td', { class: 'key wide', title: idempotency_key }, idempotency_key ?? ''),
    element('td', { class: `number strong ${action.toLowerCase()}` }, signed(entry)),
    element('td', { class: 'number' }, money(balance)),
  )
}

const head = () =>
  element(
    'thead',
    {},
    element(
      'tr',
      {},
      element('th', { class: 'number' }, 'Entry'),
      element('th', {}, 'When (UTC)'),
      element('th', {}, 'What'),
      element('th', { class: 'wide' }, 'Key'),
      element('th', { class: 'number' }, 'Amount'),
      element('th', { class: 'number' }, 'Balance'),
    ),
  )

/** What the entries that are shown have in common. */
function createFilters(onChange: () => void) {
  const action = choice({}, [['', 'All'], ['CREDIT', 'Credits'], ['DEBIT', 'Debits']])
  const [from, to] = [element('input', { type: 'date' }), element('input', { type: 'date' })]
  const textInput = (attributes: Attributes) =>
    element('input', { autocomplete: 'off', spellcheck: 'false', ...attributes })
  const key = textInput({ maxlength: 255 })
  const member = textInput({ maxlength: 255, placeholder: 'such as order' })
  const value = textInput({ maxlength: 4096 })
  const form = element(
    'form',
    {
      class: 'filters',
      'aria-label': 'Filters',
      submit: (event) => event.preventDefault(),
      change: onChange,
    },
    labelled('Action', action),
    labelled('Posted from', from),
    labelled('Posted to', to),
    labelled('Key', key),
    labelled('Metadata member', member),
    labelled('Its text', value),
  )
  // On a phone they would be all that is seen of the history.
  const node = element(
    'details',
    { open: isWide() },
    element('summary', {}, 'Filters'),
    form,
  )
  /** Without a member its text says nothing yet. */
  function query(): HistoryQuery {
    const wanted = ACTIONS.find((one) => one === action.value)
    return {
      ...(wanted && { action: wanted }),
      ...period(from.value, to.value),
      ...(key.value.trim() && { key: key.value.trim() }),
      ...(member.value && { [`metadata.${member.value}` as const]: value.value }),
    }
  }
  return { node, query }
}

/** The entries of a user. */
export function historySection(session: Session, id: number): Section {
  const { client } = session
  /** By seq, with the last reversal: an entry changes only when it is reversed. */
  const rows = new Map<number, { row: HTMLTableRowElement; reversed_by: number | undefined }>()
  let entries: Entry[] = []
  let next: number | null = null
  /** One page after the other, so that each joins those that are there. */
  let loaded = Promise.resolve()

  const body = element('tbody')
  const problem = element('div', { role: 'alert' })
  const nothing = element('p', { class: 'note', hidden: true })
  const older = element('button', { click: () => void load(true), hidden: true }, 'Older entries')
  const filters = createFilters(() => void load(false, true))

  function cachedRow(entry: Entry): HTMLTableRowElement {
    const { seq, reversed_by } = entry
    const known = rows.get(seq)
    if (known && known.reversed_by === reversed_by) return known.row
    const row = rowOf(session, id, entry)
    rows.set(seq, { row, reversed_by })
    return row
  }

  function load(isOlder: boolean, isOther = false): Promise<void> {
    loaded = loaded.then(() => loadPage(isOlder, isOther))
    return loaded
  }

  /** Older ones; or those that are shown and newer ones again, as an old one may be reversed. */
  async function loadPage(isOlder: boolean, isOther: boolean): Promise<void> {
    problem.replaceChildren()
    older.disabled = true
    const shown = isOlder || isOther ? PAGE_SIZE : Math.max(PAGE_SIZE, entries.length)
    try {
      const page = await client.listEntries(id, {
        limit: Math.min(shown, MAX_PAGE_SIZE),
        ...filters.query(),
        ...(isOlder && next !== null && { before: next }),
      })
      const last = page.entries.at(-1)?.seq
      const isJoined = !isOlder && !isOther && last !== undefined &&
        page.entries.some(({ seq }) => seq === entries[0]?.seq)
      const rest = isJoined ? entries.filter(({ seq }) => seq < last) : []
      if (rest.length === 0) next = page.next
      entries = isOlder ? [...entries, ...page.entries] : [...page.entries, ...rest]
      keepFocus(() => arrange(body, entries.map(cachedRow)))
      nothing.hidden = entries.length > 0
      // The ledger looks at so many entries at once.
      nothing.textContent = next === null ? 'No entries.' : `None down to entry ${next}.`
      older.hidden = next === null
    } catch (error) {
      problem.replaceChildren(explain(error))
    } finally {
      older.disabled = false
    }
  }

  const table = element('table', { class: 'entries' }, head(), body)
  return {
    node: card('History', filters.node, table, nothing, problem, older),
    refresh: () => load(false),
  }
}
