/** The console: signs in, and shows the page that the address names. */
import { element } from './element.ts'
import { openEntry } from './entry.ts'
import { explain } from './problem.ts'
import { askAgain, openWithoutToken, type Session, signInForm } from './session.ts'
import { createUserPage, type UserPage } from './user.ts'
import { findForm, usersPage } from './users.ts'

const bar = document.querySelector('#bar')!
const main = document.querySelector('main')!
const brand = bar.firstElementChild!

let session: Session | undefined
let shown: UserPage | undefined
let drawer: HTMLDialogElement | undefined

/** #/users/1 and #/users/1/entries/2; everything else is the list of users. */
function addressed(): { id?: number; seq?: number } {
  const [, id, seq] = /^#\/users\/(\d{1,16})(?:\/entries\/(\d{1,16}))?$/.exec(location.hash) ?? []
  return {
    ...(id !== undefined && { id: Number(id) }),
    ...(seq !== undefined && { seq: Number(seq) }),
  }
}

function showPage(page: HTMLElement): void {
  main.replaceChildren(page)
  scrollTo(0, 0)
  const heading = page.querySelector('h1')
  document.title = `${heading?.textContent ?? ''} · Ledger`
  // Where a new page begins, for whoever doesn't see it.
  heading?.setAttribute('tabindex', '-1')
  heading?.focus({ preventScroll: true })
}

function route(): void {
  if (!session) return
  const { id, seq } = addressed()
  drawer?.close()
  drawer = undefined
  if (id === undefined || shown?.id !== id) {
    shown?.stop()
    shown = id === undefined ? undefined : createUserPage(session, id)
    showPage(shown?.node ?? usersPage(session))
  }
  if (id === undefined || seq === undefined) return
  drawer = openEntry(session, { id, seq }, {
    onDone: () => shown?.refresh(),
    onClose: () => {
      const now = addressed()
      if (now.id === id && now.seq === seq) location.hash = `#/users/${id}`
    },
  })
}

function start(opened: Session): void {
  session = opened
  opened.onRefused = () => askAgain(opened, () => shown?.restart())
  const { name } = opened.caller
  bar.replaceChildren(
    brand,
    findForm(opened),
    element(
      'div',
      { class: 'caller' },
      name === undefined ? element('span', {}, 'access is off') : element('span', {}, name),
      themeButton(),
      name === undefined ? undefined : element('button', { click: signOut }, 'Sign out'),
    ),
  )
  route()
}

/** Everything that the page knows is in its memory. */
function signOut(): void {
  history.replaceState(null, '', '#/')
  location.reload()
}

function themeButton(): HTMLElement {
  const { dataset } = document.documentElement
  dataset['theme'] ??= matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  const change = () => {
    dataset['theme'] = dataset['theme'] === 'dark' ? 'light' : 'dark'
  }
  return element('button', { class: 'theme', click: change, 'aria-label': 'Dark or light' }, '◐')
}

async function open(): Promise<void> {
  if (!isSecureContext) throw new Error('The console needs HTTPS, or an address of this machine.')
  const opened = await openWithoutToken()
  if (opened) return start(opened)
  showPage(signInForm(start))
  main.querySelector('input')?.focus()
}

addEventListener('hashchange', route)
try {
  await open()
} catch (error) {
  main.replaceChildren(element('div', { class: 'card', role: 'alert' }, explain(error)))
}
