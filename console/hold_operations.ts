/** What can be done with holds by hand. */
import type { HeldHold } from '../client/ledger.ts'
import { choice } from './field.ts'
import { money } from './format.ts'
import type { Field, Operation } from './operation_dialog.ts'
import { amountField, expiryField, expiryName } from './operation_fields.ts'
import { done, metadataOf, nameOf, nowHas } from './operation_texts.ts'
import type { Session } from './session.ts'

/** Sets an amount aside. */
export const hold = (session: Session, id: number): Operation => ({
  verb: 'Hold',
  title: `Hold an amount of user ${id}`,
  fields: [amountField(), expiryField()],
  summary: async ({ amount, expires_in }) => [
    ['Hold', money(amount!)],
    ['Of', await nameOf(session, id)],
    ['Expires', expiryName(expires_in)],
  ],
  async send(values, idempotencyKey) {
    const { amount, expires_in } = values
    const body = { amount: amount!, ...(expires_in && { expires_in: Number(expires_in) }) }
    const placed = await session.client.placeHold(id, { ...body, ...metadataOf(values) }, {
      idempotencyKey,
    })
    return `Held ${money(placed.amount)} as hold ${placed.hold}. ` +
      `User ${id} has available ${money(placed.available)}.`
  },
})

/** What becomes of what isn't captured, by the value of the field. */
const RESTS: readonly (readonly [string, string])[] = [
  ['released', 'is given back'],
  ['held', 'stays held, for other captures'],
]

const restField = (): Field => ({ name: 'rest', label: 'The rest', input: choice({}, RESTS) })

/** Takes what is held, or a part of it. */
export const capture = (
  { client }: Session,
  { user_id, hold, remaining }: HeldHold,
): Operation => ({
  verb: 'Capture',
  title: `Capture hold ${hold} of user ${user_id}`,
  fields: [amountField(`Left empty: all that is held, ${money(remaining)}.`), restField()],
  summary: ({ amount, rest }) =>
    Promise.resolve([
      ['Take', amount ? money(amount) : `all that is held, ${money(remaining)}`],
      ['From', `hold ${hold} of user ${user_id}`],
      ['The rest', amount ? RESTS.find(([value]) => value === rest)![1] : 'there is none'],
    ]),
  async send(values, idempotencyKey) {
    const { amount, rest } = values
    const body = { ...(amount && { amount, final: rest !== 'held' }), ...metadataOf(values) }
    return done('Captured', await client.captureHold(user_id, hold, body, { idempotencyKey }))
  },
})

/** Lets a hold expire later, of those that expire. */
export const extend = (
  { client }: Session,
  { user_id, hold, remaining, expires_at }: HeldHold,
): Operation => ({
  verb: 'Extend',
  title: `Extend hold ${hold} of user ${user_id}`,
  fields: [
    expiryField(
      `From now on. It has to be later than ${expires_at?.slice(0, 16).replace('T', ' ')} (UTC).`,
    ),
  ],
  summary: ({ expires_in }) =>
    Promise.resolve([
      ['Hold', `${hold} of user ${user_id}, ${money(remaining)}`],
      ['Expires', expiryName(expires_in)],
    ]),
  async send(values, idempotencyKey) {
    const { expires_in } = values
    const body = { expires_in: expires_in ? Number(expires_in) : null, ...metadataOf(values) }
    const extended = await client.extendHold(user_id, hold, body, { idempotencyKey })
    return `Hold ${hold} expires ${extended.expires_at ?? 'never'}.`
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
