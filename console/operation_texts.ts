/** What operations say and send, whatever they do. */
import type { Posted, Snapshot } from '../client/ledger.ts'
import { money } from './format.ts'
import type { Values } from './operation_dialog.ts'
import { reaches, type Session } from './session.ts'
import { readUser } from './users.ts'

/** The metadata of an operation: the reason that was given. */
export const metadataOf = ({ reason }: Values) => ({ metadata: { reason } })

/** What a user has after an operation. */
export const nowHas = ({ id, balance, available }: Snapshot): string =>
  `User ${id} has ${money(balance)}, available ${money(available)}.`

/** What was done by an entry, and what its user has after it. */
export const done = (what: string, { entry, ...user }: Posted): string =>
  `${what} ${money(entry.amount)} as entry ${entry.seq}. ${nowHas(user)}`

/** A user with its reference, as far as the caller may see it. @throws UnknownUserError */
export async function nameOf(session: Session, id: number): Promise<string> {
  if (!reaches(session, id)) return `User ${id}`
  const { reference } = await readUser(session, id)
  return reference === undefined ? `User ${id}` : `User ${id}, ${reference}`
}
