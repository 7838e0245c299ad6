/** A user: balance, history, holds, and what can be done with them. */
import type { Controls, HeldHold, User } from '../client/ledger.ts'
import { chartSection } from './chart.ts'
import { definitions, element } from './element.ts'
import { moment, money } from './format.ts'
import { historySection } from './history.ts'
import { holdsSection } from './holds.ts'
import { follow, oneAtATime } from './live.ts'
import { openOperation } from './operation_dialog.ts'
import { operationsOf, release } from './operations.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'
import { statementSection, verificationSection } from './statement.ts'
import { readUser } from './users.ts'

export interface UserPage {
  id: number
  node: HTMLElement
  /** Shows what has changed. */
  refresh(): void
  /** Asks the ledger for nothing more. */
  stop(): void
}

interface UserState {
  user: User
  controls: Controls
}

/** @throws UnknownUserError */
async function load(session: Session, id: number): Promise<UserState> {
  const [user, controls] = await Promise.all([
    readUser(session, id),
    session.client.listControls(id, { limit: 1 }),
  ])
  return { user, controls }
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

/** A button for each operation that the caller may start. */
function operationButtons(session: Session, id: number, onDone: () => void): HTMLElement {
  const buttons = operationsOf(session, id).map(([name, make]) =>
    element('button', { click: () => openOperation(make(), onDone) }, name)
  )
  return element('div', { class: 'buttons operations', hidden: buttons.length === 0 }, ...buttons)
}

/** The page of a user. Without the scope to read it has operations only. */
export const createUserPage = (session: Session, id: number): UserPage =>
  session.may('read') ? createReadPage(session, id) : createWritePage(session, id)

const header = (id: number, ...children: HTMLElement[]) =>
  element('header', { class: 'user' }, element('h1', {}, `User ${id}`), ...children)

function createWritePage(session: Session, id: number): UserPage {
  const text = 'Your token may not read: the balance and the history are not shown.'
  const operations = operationButtons(session, id, () => {})
  const top = header(id, element('p', { class: 'note' }, text), operations)
  return { id, node: element('div', {}, top), refresh() {}, stop() {} }
}

function createReadPage(session: Session, id: number): UserPage {
  const about = element('p', { class: 'note' })
  const state = element('div', { class: 'state' })
  const problem = element('div', { role: 'alert' })
  const refresh = oneAtATime(show)
  const operations = operationButtons(session, id, refresh)
  const chart = chartSection(session, id)
  const history = historySection(session, id)
  const openRelease = (hold: HeldHold) => openOperation(release(session, hold), refresh)
  const holds = holdsSection(session, id, session.may('hold') ? openRelease : undefined)
  const side = [holds.node, statementSection(session, id), verificationSection(session, id)]
  let shown = ''

  async function show(): Promise<void> {
    try {
      const loaded = await load(session, id)
      problem.replaceChildren()
      const text = JSON.stringify(loaded)
      if (text === shown) return
      shown = text
      about.replaceChildren(...aboutOf(loaded))
      state.replaceChildren(figures(loaded))
      await Promise.all([history.refresh(), holds.refresh(), chart.refresh()])
    } catch (error) {
      problem.replaceChildren(explain(error))
    }
  }

  const end = follow(session, id, refresh)
  return {
    id,
    node: element(
      'div',
      {},
      header(id, about, operations, state, problem),
      element(
        'div',
        { class: 'columns' },
        element('div', {}, chart.node, history.node),
        element('div', {}, ...side),
      ),
    ),
    refresh,
    stop() {
      end()
      chart.stop()
    },
  }
}
