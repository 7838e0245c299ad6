/** A user: balance, history, holds, and what can be done with them. */
import type { Controls, User } from '../client/ledger.ts'
import { UnknownUserError } from '../client/ledger.ts'
import { definitions, element } from './element.ts'
import { moment, money } from './format.ts'
import { historySection } from './history.ts'
import { holdsSection } from './holds.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'
import { statementSection, verificationSection } from './statement.ts'

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
async function load({ client }: Session, id: number): Promise<UserState> {
  const [{ users: [user] }, controls] = await Promise.all([
    client.listUsers({ ...(id > 1 && { after: id - 1 }), limit: 1 }),
    client.listControls(id, { limit: 1 }),
  ])
  if (user?.id === id) return { user, controls }
  throw new UnknownUserError({
    type: 'about:blank',
    title: 'There is no such user.',
    status: 404,
    code: 'unknown_user',
  })
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

/** The page of a user. Without the scope to read it has actions only. */
export function createUserPage(session: Session, id: number): UserPage {
  const heading = element('h1', {}, `User ${id}`)
  const about = element('p', { class: 'note' })
  const state = element('div', { class: 'state' })
  const problem = element('div', { role: 'alert' })
  const top = element('header', { class: 'user' }, heading, about, state, problem)
  const stopped = { node: element('div', { class: 'user-page' }, top), refresh() {}, stop() {} }
  if (!session.may('read')) {
    about.textContent = 'Your token may not read: the balance and the history are not shown.'
    return { id, ...stopped }
  }

  const history = historySection(session, id)
  const holds = holdsSection(session, id)
  let shown = ''

  async function refresh() {
    try {
      const loaded = await load(session, id)
      problem.replaceChildren()
      const text = JSON.stringify(loaded)
      if (text === shown) return
      shown = text
      const { user: { reference, created_at }, controls } = loaded
      about.replaceChildren(
        ...(reference === undefined ? [] : [element('strong', {}, reference), ' · ']),
        'since ',
        moment(created_at),
        ...(controls.frozen_at === null ? [] : [element('span', { class: 'badge bad' }, 'frozen')]),
      )
      state.replaceChildren(figures(loaded))
      await Promise.all([history.refresh(), holds.refresh()])
    } catch (error) {
      problem.replaceChildren(explain(error))
    }
  }

  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void refresh()
  }, POLL_MS)
  void refresh()
  const side = [holds.node, statementSection(session, id), verificationSection(session, id)]
  const columns = element(
    'div',
    { class: 'columns' },
    element('div', {}, history.node),
    element('div', {}, ...side),
  )
  return {
    id,
    node: element('div', { class: 'user-page' }, top, columns),
    refresh: () => void refresh(),
    stop: () => clearInterval(timer),
  }
}
