/** Finds users: by number, by reference, or in the list of all. */
import { UnknownUserError, type User } from '../client/ledger.ts'
import { element } from './element.ts'
import { moment, money } from './format.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

const PAGE_SIZE = 50

const go = (id: number): void => {
  location.hash = `#/users/${id}`
}

/** @returns the users with this number or this reference; only digits are a number */
async function find({ client }: Session, text: string): Promise<number[]> {
  const byReference = client.listUsers({ reference: text })
    .then(({ users }) => users.map(({ id }) => id))
  if (!/^\d{1,15}$/.test(text)) return await byReference
  const id = Number(text)
  const byNumber = client.getUser(id).then(() => [id], (error: unknown) => {
    if (error instanceof UnknownUserError) return []
    throw error
  })
  return [...new Set((await Promise.all([byNumber, byReference])).flat())]
}

/**
 * A user as it is now, with its reference.
 * @throws UnknownUserError
 */
export async function readUser({ client }: Session, id: number): Promise<User> {
  const { users: [user] } = await client.listUsers({ ...(id > 1 && { after: id - 1 }), limit: 1 })
  if (user?.id === id) return user
  throw new UnknownUserError({
    type: 'about:blank',
    title: `There is no user ${id}.`,
    status: 404,
    code: 'unknown_user',
  })
}

/** A search field that leads to a user. */
export function findForm(session: Session): HTMLElement {
  const field = element('input', {
    type: 'search',
    name: 'user',
    required: true,
    maxlength: 255,
    placeholder: 'User number or reference',
    'aria-label': 'User number or reference',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const found = element('div', { class: 'found', role: 'status' })
  async function submit(event: Event) {
    event.preventDefault()
    const text = field.value.trim()
    found.replaceChildren()
    // Whoever may not read can still act on a user that they know.
    if (!session.may('read') && /^\d{1,15}$/.test(text)) return go(Number(text))
    try {
      const ids = await find(session, text)
      if (ids.length === 1) return go(ids[0]!)
      found.replaceChildren(
        ids.length === 0 ? `There is no user ${text}.` : 'This is a number and a reference: ',
        ...ids.map((id) => element('a', { href: `#/users/${id}` }, `user ${id} `)),
      )
    } catch (error) {
      found.replaceChildren(explain(error))
    }
  }
  const clear = () => found.replaceChildren()
  field.addEventListener('input', clear)
  addEventListener('hashchange', clear)
  return element(
    'form',
    { class: 'find', role: 'search', submit: (event) => void submit(event) },
    field,
    element('button', {}, 'Find'),
    found,
  )
}

const rowOf = ({ id, reference, balance, available, updated_at }: User) =>
  element(
    'tr',
    {},
    element('td', { class: 'number' }, element('a', { href: `#/users/${id}` }, String(id))),
    element('td', { class: 'text' }, reference ?? ''),
    element('td', { class: 'number strong' }, money(balance)),
    element('td', { class: 'number' }, money(available)),
    element('td', { class: 'wide' }, moment(updated_at)),
  )

/** The users that the caller reaches, page by page. */
export function usersPage(session: Session): HTMLElement {
  const rows = element('tbody')
  const problem = element('div', { role: 'alert' })
  const more = element('button', { click: () => void load(), hidden: true }, 'More users')
  let after: number | undefined
  async function load() {
    more.disabled = true
    problem.replaceChildren()
    try {
      const { users, next } = await session.client.listUsers({
        limit: PAGE_SIZE,
        ...(after !== undefined && { after }),
      })
      rows.append(...users.map(rowOf))
      after = next ?? undefined
      more.hidden = next === null
    } catch (error) {
      problem.replaceChildren(explain(error))
      more.hidden = false
    } finally {
      more.disabled = false
    }
  }
  const heading = element('h1', {}, 'Users')
  if (!session.may('read')) {
    const text = 'Your token may not read. Enter the number of a user to act on it.'
    return element('div', {}, heading, element('p', { class: 'note' }, text))
  }
  void load()
  return element(
    'div',
    {},
    heading,
    element(
      'section',
      { class: 'card', 'aria-label': 'Users' },
      element(
        'table',
        { class: 'users' },
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            element('th', { class: 'number' }, 'User'),
            element('th', {}, 'Reference'),
            element('th', { class: 'number' }, 'Balance'),
            element('th', { class: 'number' }, 'Available'),
            element('th', { class: 'wide' }, 'Last change (UTC)'),
          ),
        ),
        rows,
      ),
      problem,
      more,
    ),
  )
}
