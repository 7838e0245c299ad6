/** What can be done by hand. The ledger decides whether it may happen. */
import type { Entry, HeldHold, Posted, Snapshot } from '../client/ledger.ts'
import { choice, element } from './element.ts'
import { kindOf, money, signed } from './format.ts'
import type { Field, Operation, Values } from './operation_dialog.ts'
import type { Scope, Session } from './session.ts'
import { readUser } from './users.ts'

/** With a hint it may be left empty. */
const amountField = (hint?: string): Field => ({
  name: 'amount',
  label: 'Amount',
  ...(hint !== undefined && { hint }),
  input: element('input', {
    inputmode: 'decimal',
    required: hint === undefined,
    pattern: '(0|[1-9][0-9]{0,9})([.][0-9]{1,2})?',
    title: 'Digits, and a point before at most two decimals, such as 1250.50',
    autocomplete: 'off',
    class: 'number',
  }),
})

const peerField = (): Field => ({
  name: 'to',
  label: 'To user',
  input: element('input', {
    inputmode: 'numeric',
    required: true,
    pattern: '[1-9][0-9]{0,14}',
    title: 'The number of a user',
    autocomplete: 'off',
  }),
})

/** Seconds, and what they are called. */
const EXPIRIES: readonly (readonly [string, string])[] = [
  ['', 'never'],
  ['3600', 'after an hour'],
  ['86400', 'after a day'],
  ['604800', 'after a week'],
  ['2592000', 'after 30 days'],
]

const expiryField = (): Field => ({
  name: 'expires',
  label: 'Expires',
  input: choice({}, EXPIRIES),
})

const metadataOf = ({ reason }: Values) => ({ metadata: { reason } })

const nowHas = ({ id, balance, available }: Snapshot) =>
  `User ${id} has ${money(balance)}, available ${money(available)}.`

const done = (what: string, { entry, ...user }: Posted) =>
  `${what} ${money(entry.amount)} as entry ${entry.seq}. ${nowHas(user)}`

/** A user with its reference, as far as the caller may see it. @throws UnknownUserError */
async function nameOf(session: Session, id: number): Promise<string> {
  const { caller: { users }, may } = session
  if (!may('read') || users?.includes(id) === false) return `User ${id}`
  const { reference } = await readUser(session, id)
  return reference === undefined ? `User ${id}` : `User ${id}, ${reference}`
}

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

const hold = (session: Session, id: number): Operation => ({
  verb: 'Hold',
  title: `Hold an amount of user ${id}`,
  fields: [amountField(), expiryField()],
  summary: async ({ amount, expires }) => [
    ['Hold', money(amount!)],
    ['Of', await nameOf(session, id)],
    ['Expires', EXPIRIES.find(([seconds]) => seconds === expires)![1]],
  ],
  async send(values, idempotencyKey) {
    const { amount, expires } = values
    const body = { amount: amount!, ...(expires && { expires_in: Number(expires) }) }
    const placed = await session.client.placeHold(id, { ...body, ...metadataOf(values) }, {
      idempotencyKey,
    })
    return `Held ${money(placed.amount)} as hold ${placed.hold}. ` +
      `User ${id} has available ${money(placed.available)}.`
  },
})

/** Gives back what is held. */
export const release = (
  { client }: Session,
  { user_id, hold, remaining }: HeldHold,
): Operation => ({
  verb: 'Release',
  title: `Release hold ${hold} of user ${user_id}`,
  fields: [],
  summary: () => Promise.resolve([['Give back', money(remaining)]]),
  send: async (values, idempotencyKey) =>
    `Released hold ${hold}. ${
      nowHas(await client.releaseHold(user_id, hold, metadataOf(values), { idempotencyKey }))
    }`,
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

/** What the caller may start with a user, by the name on its button. */
export function operationsOf(session: Session, id: number): [string, () => Operation][] {
  const all: [Scope, string, () => Operation][] = [
    ['credit', 'Credit', () => change(session, id, 'Credit')],
    ['debit', 'Debit', () => change(session, id, 'Debit')],
    ['transfer', 'Transfer', () => transfer(session, id)],
    ['hold', 'Hold', () => hold(session, id)],
  ]
  return all.filter(([scope]) => session.may(scope)).map(([, name, make]) => [name, make])
}
