/** A user: balance, history, holds, and what can be done with them. */
import type { Controls, User } from '../client/ledger.ts'
import { chartSection } from './chart.ts'
import { definitions, element } from './element.ts'
import { moment, money } from './format.ts'
import { historySection } from './history.ts'
import { holdsSection } from './holds.ts'
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

const POLL_MS = 5_000

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
export function createUserPage(session: Session, id: number): UserPage {
  const heading = element('h1', {}, `User ${id}`)
  const about = element('p', { class: 'note' })
  const state = element('div', { class: 'state' })
  const problem = element('div', { role: 'alert' })
  const operations = operationButtons(session, id, () => void refresh())
  const top = element('header', { class: 'user' }, heading, about, operations, state, problem)
  const node = element('div', {}, top)
  if (!session.may('read')) {
    about.textContent = 'Your token may not read: the balance and the history are not shown.'
    return { id, node, refresh() {}, stop() {} }
  }

  const chart = chartSection(session, id)
  const history = historySection(session, id)
  const holds = holdsSection(
    session,
    id,
    session.may('hold')
      ? (hold) => openOperation(release(session, hold), () => void refresh())
      : undefined,
  )
  let shown = ''

  async function refresh() {
    if (!session.may('read')) return
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

  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void refresh()
  }, POLL_MS)
  void refresh()
  const side = [holds.node, statementSection(session, id), verificationSection(session, id)]
  node.append(element(
    'div',
    { class: 'columns' },
    element('div', {}, chart.node, history.node),
    element('div', {}, ...side),
  ))
  return {
    id,
    node,
    refresh: () => void refresh(),
    stop() {
      clearInterval(timer)
      chart.stop()
    },
  }
}
