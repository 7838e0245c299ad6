/** What a user may do, set by hand: frozen or not, and on how much credit. */
import type { ControlledUser } from '../client/ledger.ts'
import { money } from './format.ts'
import type { Operation } from './operation_dialog.ts'
import { amountField } from './operation_fields.ts'
import { nameOf, nowHas } from './operation_texts.ts'
import type { Session } from './session.ts'

const FREEZING = {
  Freeze: 'Nothing can be taken from it, or held, until it is thawed. Credits go on.',
  Thaw: 'It can spend again.',
}

/** Without a key: what is so already stays as it is, so a repeat does nothing. */
export const setFrozen = (
  session: Session,
  id: number,
  verb: 'Freeze' | 'Thaw',
): Operation => ({
  verb,
  title: `${verb} user ${id}`,
  isKeyed: false,
  fields: [],
  summary: async () => [[verb, await nameOf(session, id)], ['Then', FREEZING[verb]]],
  async send({ reason }) {
    const body = { reason: reason! }
    const { client } = session
    const { frozen_at } = verb === 'Freeze'
      ? await client.freezeUser(id, body)
      : await client.thawUser(id, body)
    return `User ${id} is ${frozen_at === null ? 'not frozen any more' : 'frozen'}.`
  },
})

/** Sets how far below zero a balance may go. */
export const setCreditLimit = (session: Session, id: number): Operation => ({
  verb: 'Set limit',
  title: `Set the credit limit of user ${id}`,
  isKeyed: false,
  fields: [{
    ...amountField(),
    name: 'credit_limit',
    label: 'Credit limit',
    hint: 'How far below zero the balance may go; 0: not at all.',
  }],
  summary: async ({ credit_limit }) => [
    ['Credit limit', money(credit_limit!)],
    ['Of', await nameOf(session, id)],
  ],
  async send({ credit_limit, reason }) {
    const body = { credit_limit: credit_limit!, reason: reason! }
    const user: ControlledUser = await session.client.setCreditLimit(id, body)
    return `The credit limit is ${money(user.credit_limit)}. ${nowHas(user)}`
  },
})
