/** A user: balance, history, holds, and what can be done with them. */
import { type Controls, type HeldHold, UnknownUserError, type User } from '../client/ledger.ts'
import { chartSection } from './chart.ts'
import { controlsSection } from './controls.ts'
import { definitions, element } from './element.ts'
import { moment, money } from './format.ts'
import { historySection } from './history.ts'
import { capture, extend, release } from './hold_operations.ts'
import { type HoldAction, holdsSection } from './holds.ts'
import { follow, oneAtATime } from './live.ts'
import { openOperation, type Operation } from './operation_dialog.ts'
import { controlOperations, moneyOperations, type NamedOperation } from './operations.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'
import { statementSection, verificationSection } from './statement.ts'
import { readUser } from './users.ts'

/** How many changes of what the user may do are shown. */
const SHOWN_CONTROLS = 5

export interface UserPage {
  id: number
  node: HTMLElement
  /** Shows what has changed. */
  refresh(): void
  /** Follows the user again, with the token that the session has now. */
  restart(): void
  /** Asks the ledger for nothing more. */
  stop(): void
}

interface UserState {
  user: User
  controls: Controls
}

function figures({ user, controls }: UserState): HTMLElement {
  const { balance, available, seq, updated_at } = user
  return element(
    'div',
    { class: 'figures' },
    definitions([
      ['Balance', element('span', { class: 'amount' }, money(balance))],
      ['Available', element('span', { class: 'amount' }, money(available))],
      ['Entries', String(seq)],
      ['Last change (UTC)', moment(updated_at)],
      [
        'Credit limit',
        controls.credit_limit === '0.00' ? undefined : money(controls.credit_limit),
      ],
    ]),
  )
}

function aboutOf({ user: { reference, created_at }, controls }: UserState): (Node | string)[] {
  return [
    ...(reference === undefined ? [] : [element('strong', {}, reference), ' · ']),
    'since ',
    moment(created_at),
    ...(controls.frozen_at === null ? [] : [element('span', { class: 'badge bad' }, 'frozen')]),
  ]
}

/** A button for each operation. */
const operationButtons = (
  operations: readonly NamedOperation[],
  onDone: () => void,
): HTMLElement =>
  element(
    'div',
    { class: 'buttons', hidden: operations.length === 0 },
    ...operations.map(([name, make]) =>
      element('button', { click: () => openOperation(make(), onDone) }, name)
    ),
  )

/** The page of a user. Without the scope to read it has operations only. */
export const createUserPage = (session: Session, id: number): UserPage =>
  session.may('read') ? createReadPage(session, id) : createWritePage(session, id)

const header = (id: number, ...children: HTMLElement[]) =>
  element('header', { class: 'user' }, element('h1', {}, `User ${id}`), ...children)

function createWritePage(session: Session, id: number): UserPage {
  const text = 'Your token may not read: the balance and the history are not shown.'
  const all = [...moneyOperations(session, id), ...controlOperations(session, id, undefined)]
  const operations = operationButtons(all, () => {})
  const top = header(id, element('p', { class: 'note' }, text), operations)
  return { id, node: element('div', {}, top), refresh() {}, restart() {}, stop() {} }
}

/** What the caller may do with an active hold. */
function holdActions(session: Session, hold: HeldHold, onDone: () => void): HoldAction[] {
  if (!session.may('hold')) return []
  const open = (make: (session: Session, hold: HeldHold) => Operation) => () =>
    openOperation(make(session, hold), onDone)
  return [
    ['Capture', open(capture)],
    // Nothing is later than never.
    ...(hold.expires_at === null ? [] : [['Extend', open(extend)] as const]),
    ['Release', open(release)],
  ]
}

/** The parts of the page of a user, each of which asks the ledger itself. */
function createSections(session: Session, id: number, refresh: () => void) {
  const chart = chartSection(session, id)
  const history = historySection(session, id)
  const holds = holdsSection(session, id, (hold) => holdActions(session, hold, refresh), refresh)
  const controls = controlsSection((isFrozen) =>
    operationButtons(controlOperations(session, id, isFrozen), refresh)
  )
  const side = [holds.node, controls.node]
    .concat(statementSection(session, id), verificationSection(session, id))
  return {
    controls,
    holds,
    node: element(
      'div',
      { class: 'columns' },
      chart.node,
      // Before the history, which on a phone would be in front of it however long it is.
      element('div', { class: 'side' }, ...side),
      history.node,
    ),
    refresh: () => Promise.all([history.refresh(), chart.refresh()]),
    stop() {
      holds.stop()
      chart.stop()
    },
  }
}

function createReadPage(session: Session, id: number): UserPage {
  const about = element('p', { class: 'note' })
  const live = element('p', { class: 'live note', role: 'status' })
  const state = element('div', { class: 'state' })
  const problem = element('div', { role: 'alert' })
  const refresh = oneAtATime(show)
  const sections = createSections(session, id, refresh)
  const operations = operationButtons(moneyOperations(session, id), refresh)

  async function show(): Promise<void> {
    try {
      const controls = await session.client.listControls(id, { limit: SHOWN_CONTROLS })
      // Before the balance: no event tells of the end of a hold, but `holds` waits for it.
      await sections.holds.refresh()
      const loaded = { user: await readUser(session, id), controls }
      problem.replaceChildren()
      page.classList.remove('unknown')
      about.replaceChildren(...aboutOf(loaded))
      state.replaceChildren(figures(loaded))
      sections.controls.show(loaded.controls)
      sections.node.hidden = false
      await sections.refresh()
    } catch (error) {
      problem.replaceChildren(explain(error))
      page.classList.toggle('unknown', error instanceof UnknownUserError)
    }
  }

  function showLive(isLive: boolean): void {
    live.classList.toggle('on', isLive)
    live.textContent = isLive ? 'Live' : 'Not live: asks every few seconds'
  }

  const page = element(
    'div',
    {},
    header(id, element('div', { class: 'about' }, about, live), operations, state, problem),
    sections.node,
  )
  sections.node.hidden = true
  const following = follow(session, id, { onChange: refresh, onLive: showLive })
  return {
    id,
    node: page,
    refresh,
    restart: () => following.restart(),
    stop() {
      following.stop()
      sections.stop()
    },
  }
}
