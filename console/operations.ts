/** What can be done by hand. The ledger decides whether it may happen. */
import type { Entry } from '../client/ledger.ts'
import { setCreditLimit, setFrozen } from './control_operations.ts'
import { kindOf, money, signed } from './format.ts'
import { hold } from './hold_operations.ts'
import type { Operation } from './operation_dialog.ts'
import { amountField, peerField } from './operation_fields.ts'
import { done, metadataOf, nameOf } from './operation_texts.ts'
import type { Scope, Session } from './session.ts'

function change(session: Session, id: number, verb: 'Credit' | 'Debit'): Operation {
  const { client } = session
  return {
    verb,
    title: `${verb} user ${id}`,
    fields: [amountField()],
    summary: async ({ amount }) => [
      [verb, money(amount!)],
      [verb === 'Credit' ? 'To' : 'From', await nameOf(session, id)],
    ],
    async send(values, idempotencyKey) {
      const body = { amount: values['amount']!, ...metadataOf(values) }
      return verb === 'Credit'
        ? done('Credited', await client.creditUser(id, body, { idempotencyKey }))
        : done('Debited', await client.debitUser(id, body, { idempotencyKey }))
    },
  }
}

const transfer = (session: Session, id: number): Operation => ({
  verb: 'Transfer',
  title: `Transfer from user ${id}`,
  fields: [amountField(), peerField()],
  summary: async ({ amount, to }) => [
    ['Transfer', money(amount!)],
    ['From', await nameOf(session, id)],
    ['To', await nameOf(session, Number(to))],
  ],
  async send(values, idempotencyKey) {
    const body = { from: id, to: Number(values['to']), amount: values['amount']! }
    const { from } = await session.client.transfer({ ...body, ...metadataOf(values) }, {
      idempotencyKey,
    })
    return done('Transferred', from)
  },
})

/** Takes an entry back, or a part of it, with the other half if it is one of a transfer. */
export const reverse = ({ client }: Session, id: number, entry: Entry): Operation => ({
  verb: 'Reverse',
  title: `Reverse entry ${entry.seq} of user ${id}`,
  fields: [amountField('Left empty: all that has not been reversed yet.')],
  summary: ({ amount }) =>
    Promise.resolve([
      ['Take back', amount ? money(amount) : 'all that has not been reversed yet'],
      ['Of', `${kindOf(entry)}, ${signed(entry)}`],
      ...(entry.transfer
        ? [['And of', `entry ${entry.transfer.seq} of user ${entry.transfer.user_id}`]] as const
        : []),
    ]),
  async send(values, idempotencyKey) {
    const { amount } = values
    const body = { ...(amount && { amount }), ...metadataOf(values) }
    return done('Took back', await client.reverseEntry(id, entry.seq, body, { idempotencyKey }))
  },
})

/** An operation by the name on its button. */
export type NamedOperation = readonly [name: string, make: () => Operation]

/** What the caller may start with the money of a user. */
export function moneyOperations(session: Session, id: number): NamedOperation[] {
  const all: (readonly [Scope, ...NamedOperation])[] = [
    ['credit', 'Credit', () => change(session, id, 'Credit')],
    ['debit', 'Debit', () => change(session, id, 'Debit')],
    ['transfer', 'Transfer', () => transfer(session, id)],
    ['hold', 'Hold', () => hold(session, id)],
  ]
  return all.filter(([scope]) => session.may(scope)).map(([, name, make]) => [name, make])
}

/** What the caller may set of a user; `isFrozen`: undefined if the caller can't know. */
export function controlOperations(
  session: Session,
  id: number,
  isFrozen: boolean | undefined,
): NamedOperation[] {
  if (!session.may('admin')) return []
  const verbs = isFrozen === undefined
    ? ['Freeze', 'Thaw'] as const
    : [isFrozen ? 'Thaw' : 'Freeze'] as const
  return [
    ...verbs.map((verb) => [verb, () => setFrozen(session, id, verb)] as const),
    ['Credit limit', () => setCreditLimit(session, id)],
  ]
}
