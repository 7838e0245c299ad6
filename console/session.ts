/** Who uses the console. The token is kept in this page's memory alone, and is gone with it. */
import { type Caller, createLedgerClient, type LedgerClient } from '../client/ledger.ts'
import { UnauthorizedError } from '../client/ledger.ts'
import { element } from './element.ts'
import { labelled } from './field.ts'
import { explain } from './problem.ts'

export type Scope = Caller['scopes'][number]

export interface Session {
  client: LedgerClient
  caller: Caller
  may: (scope: Scope) => boolean
}

/** Whether the caller may read a user. */
export const reaches = ({ caller, may }: Session, id: number): boolean =>
  may('read') && caller.users?.includes(id) !== false

/** Where the service is, whatever path a proxy has put it under. */
const SERVICE = new URL('.', location.href).href

/** @throws LedgerError */
async function open(token: string | undefined): Promise<Session> {
  const client = createLedgerClient({ url: SERVICE, token })
  const caller = await client.getCaller()
  return { client, caller, may: (scope) => caller.scopes.includes(scope) }
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

/** A form that asks for a token. */
export function signInForm(onOpen: (session: Session) => void): HTMLElement {
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
      const session = await open(token.value.trim())
      token.value = ''
      onOpen(session)
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
    element('h1', {}, 'Sign in'),
    labelled('Token', token, 'It stays in this page, and is forgotten when you close it.'),
    problem,
    button,
  )
}
