/** Holds: placing, capturing, extending and releasing them. */
import { Hono } from 'hono'
import { json } from '../http/response.ts'
import type { Write } from '../ledger/write.ts'
import { idempotencyKey, jsonBody, validated } from '../http/validate.ts'
import { created, markReplayed, metadataText } from './created.ts'
import { describe, WRITE_PROBLEMS } from './describe.ts'
import { CAPTURED } from './examples.ts'
import { hold, idParam, metadataBody, posted, snapshot } from './schemas.ts'
import { captureBody, extendBody, holdBody, holdParam, openHoldParam } from './schemas_holds.ts'

export interface HoldsDependencies {
  write: Write
}

/** POST /users/:id/holds, and capture, extend and release under it. */
export function holdsRoutes(dependencies: HoldsDependencies) {
  const routes = new Hono()
  addPlaceHold(routes, dependencies)
  addCaptureHold(routes, dependencies)
  addExtendHold(routes, dependencies)
  addReleaseHold(routes, dependencies)
  return routes
}

function addPlaceHold(routes: Hono, { write }: HoldsDependencies) {
  routes.post(
    '/:id/holds',
    describe({
      operationId: 'placeHold',
      tag: 'Holds',
      summary: 'Set an amount aside',
      description: 'It lowers what is available, not the balance, until it is captured, ' +
        'released, or expires by itself.',
      responses: { 201: { schema: hold } },
      problems: [
        ...WRITE_PROBLEMS,
        'insufficient_funds',
        'user_frozen',
        'too_many_holds',
        'balance_out_of_range',
      ],
    }),
    validated('param', idParam),
    idempotencyKey,
    jsonBody,
    validated('json', holdBody),
    async (c) => {
      const { amount, expires_in, metadata } = c.req.valid('json')
      const placed = await write({
        kind: 'hold',
        userId: Number(c.req.valid('param').id),
        amount: String(amount),
        expiresInSeconds: expires_in,
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      markReplayed(c, placed.replayed)
      return json(c, placed.users[0].hold, 201)
    },
  )
}

function addCaptureHold(routes: Hono, { write }: HoldsDependencies) {
  routes.post(
    '/:id/holds/:hold/capture',
    describe({
      operationId: 'captureHold',
      tag: 'Holds',
      summary: 'Take what is held, or a part of it',
      description:
        'What is not captured is released, unless `final` is false: then it stays held, ' +
        'for other captures.',
      responses: { 201: { schema: posted, example: CAPTURED, headers: ['Location'] } },
      problems: [
        ...WRITE_PROBLEMS,
        'unknown_hold',
        'hold_not_active',
        'insufficient_funds',
        'user_frozen',
        'balance_out_of_range',
      ],
    }),
    validated('param', holdParam),
    idempotencyKey,
    jsonBody,
    validated('json', captureBody),
    async (c) => {
      const { id, hold } = c.req.valid('param')
      const { amount, final, metadata } = c.req.valid('json')
      const captured = await write({
        kind: 'capture',
        userId: Number(id),
        ref: Number(hold),
        amount: amount === undefined ? undefined : String(amount),
        isFinal: final,
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      return created(c, captured)
    },
  )
}

function addExtendHold(routes: Hono, { write }: HoldsDependencies) {
  routes.post(
    '/:id/holds/:hold/extend',
    describe({
      operationId: 'extendHold',
      tag: 'Holds',
      summary: 'Let a hold expire later',
      description: 'Only an active hold, and only to a later time than before.',
      responses: { 200: { schema: hold } },
      problems: [
        ...WRITE_PROBLEMS,
        'unknown_hold',
        'hold_not_active',
        'expiry_not_later',
        'balance_out_of_range',
      ],
    }),
    validated('param', openHoldParam),
    idempotencyKey,
    jsonBody,
    validated('json', extendBody),
    async (c) => {
      const { id, hold } = c.req.valid('param')
      const { expires_in, metadata } = c.req.valid('json')
      const extended = await write({
        kind: 'extend',
        userId: Number(id),
        ref: Number(hold),
        expiresInSeconds: expires_in ?? undefined,
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      markReplayed(c, extended.replayed)
      return json(c, extended.users[0].hold)
    },
  )
}

function addReleaseHold(routes: Hono, { write }: HoldsDependencies) {
  routes.post(
    '/:id/holds/:hold/release',
    describe({
      operationId: 'releaseHold',
      tag: 'Holds',
      summary: 'Give back what is held',
      description: 'What is still held is available again. A hold is released once.',
      responses: { 200: { schema: snapshot } },
      problems: [
        ...WRITE_PROBLEMS,
        'unknown_hold',
        'hold_not_active',
        'balance_out_of_range',
      ],
    }),
    validated('param', openHoldParam),
    idempotencyKey,
    jsonBody,
    validated('json', metadataBody),
    async (c) => {
      const { id, hold } = c.req.valid('param')
      const released = await write({
        kind: 'release',
        userId: Number(id),
        ref: Number(hold),
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(c.req.valid('json').metadata),
      })
      markReplayed(c, released.replayed)
      return json(c, released.users[0].snapshot)
    },
  )
}
