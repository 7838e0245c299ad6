/** Who uses the console. The token is kept in this page's memory alone, and is gone with it. */
import { type Caller, createLedgerClient, type LedgerClient } from '../client/ledger.ts'
import { UnauthorizedError } from '../client/ledger.ts'
import { element } from './element.ts'
import { parseExactly } from './exact_json.ts'
import { labelled } from './field.ts'
import { explain } from './problem.ts'

export type Scope = Caller['scopes'][number]

export interface Session {
  client: LedgerClient
  caller: Caller
  may: (scope: Scope) => boolean
  /** Called when the token is not valid any more. */
  onRefused?: () => void
  /** Goes on with another token of the same caller. @throws LedgerError, or Error of another one */
  renew(token: string): Promise<void>
}

/** Whether the caller may read a user. */
export const reaches = ({ caller, may }: Session, id: number): boolean =>
  may('read') && caller.users?.includes(id) !== false

/** Where the service is, whatever path a proxy has put it under. */
const SERVICE = new URL('.', location.href).href

/** @throws LedgerError */
async function open(token: string | undefined): Promise<Session> {
  let current = token
  const caller = await createLedgerClient({ url: SERVICE, token }).getCaller()
  const session: Session = {
    client: createLedgerClient({
      url: SERVICE,
      ...(token !== undefined && { token: () => current! }),
      async fetch(...request) {
        const response = await fetch(...request)
        if (response.status === 401) session.onRefused?.()
        response.json = async () => parseExactly(await response.text())
        return response
      },
    }),
    caller,
    may: (scope) => caller.scopes.includes(scope),
    async renew(other) {
      const { caller: { name } } = await open(other)
      if (name !== caller.name) throw new Error(`This token is of ${name}: sign out first.`)
      current = other
    },
  }
  return session
}

/** A session without a token, which there is while access is off; undefined: it needs one. */
export async function openWithoutToken(): Promise<Session | undefined> {
  try {
    return await open(undefined)
  } catch (error) {
    if (error instanceof UnauthorizedError) return undefined
    throw error
  }
}

/** A form that asks for a token. `useToken`: fails if it isn't one that helps. */
function tokenForm(title: HTMLElement, useToken: (token: string) => Promise<void>): HTMLElement {
  const token = element('input', {
    type: 'password',
    name: 'token',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 8192,
  })
  const button = element('button', { class: 'primary' }, 'Sign in')
  const problem = element('div', { role: 'alert' })
  async function submit(event: Event) {
    event.preventDefault()
    button.disabled = true
    problem.replaceChildren()
    try {
      await useToken(token.value.trim())
      token.value = ''
    } catch (error) {
      problem.replaceChildren(explain(error))
      token.focus()
    } finally {
      button.disabled = false
    }
  }
  return element(
    'form',
    { class: 'card sign-in', submit: (event) => void submit(event) },
    title,
    labelled('Token', token, 'It stays in this page, and is forgotten when you close it.'),
    problem,
    button,
  )
}

/** A form that opens a session. */
export const signInForm = (onOpen: (session: Session) => void): HTMLElement =>
  tokenForm(element('h1', {}, 'Sign in'), async (token) => onOpen(await open(token)))

/**
 * Asks for another token above whatever is there, which stays: what was being done goes on with it.
 * `onRenewed`: there is one.
 */
export function askAgain(session: Session, onRenewed: () => void): void {
  if (document.querySelector('dialog.renewal')) return
  const title = element('h2', { id: 'renewal-title' }, 'Your token is not valid any more')
  const form = tokenForm(title, async (token) => {
    await session.renew(token)
    dialog.close()
    onRenewed()
  })
  const dialog = element('dialog', { class: 'renewal', 'aria-labelledby': title.id }, form)
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}
