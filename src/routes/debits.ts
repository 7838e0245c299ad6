/** Many debits in one request: validate → call → respond. */
import { Hono } from 'hono'
import { describeRoute } from 'hono-openapi'
import type { z } from 'zod'
import { reaches } from '../access.ts'
import { json } from '../answer.ts'
import type { Deadlines } from '../deadlines.ts'
import { Problem, problemOf } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import { answers } from '../openapi.ts'
import type { Post } from '../posting.ts'
import { idempotencyKey, jsonBodyUpTo, validated } from '../validate.ts'
import { markReplayed, metadataText } from './created.ts'
import { debitsBody, results } from './schemas.ts'

const MAX_KEY_LENGTH = 255

export interface DebitsDependencies {
  post: Post
  metrics: Pick<Metrics, 'debit'>
  deadlines: Deadlines
  /** Told of failures that are ours. */
  onFailure: (what: string, error: unknown) => void
}

type Item = z.infer<typeof debitsBody>[number]

/** POST /debits. */
export function debitsRoutes({ post, metrics, deadlines, onFailure }: DebitsDependencies) {
  const debits = new Hono<{ Variables: { key?: string } }>()

  /** What the single call would have answered, and whether it was a repeat. */
  async function debit(
    { user_id, amount, metadata }: Item,
    key: string | undefined,
    isReached: boolean,
  ) {
    try {
      if (!isReached) throw new Problem('forbidden')
      const item = {
        userId: user_id,
        action: 'DEBIT' as const,
        amount: String(amount),
        key,
        metadata: metadataText(metadata),
      }
      const { snapshot, entry, replayed } = await deadlines.within((deadline) =>
        post({ ...item, deadline })
      )
      metrics.debit(replayed ? 'replayed' : 'ok')
      return { result: { status: 201, ...snapshot, entry }, replayed }
    } catch (error) {
      const problem = problemOf(error, { writes: true })
      if (problem.code === 'internal') onFailure('/debits', problem.cause ?? error)
      metrics.debit(problem.code)
      return { result: problem.toJSON(), replayed: undefined }
    }
  }

  debits.post(
    '/',
    describeRoute({
      summary: 'Take amounts from many users, each debit for itself',
      description: 'At most 1000 items and 1 MiB. Each item has an answer of its own, in order; ' +
        'one that is malformed refuses them all. With the header Idempotency-Key, item 0 1 2 … ' +
        'without a key of its own has that key with #0 #1 #2 … behind it.',
      ...answers({ 200: results }, [
        'invalid_request',
        'invalid_idempotency_key',
        'payload_too_large',
        'unsupported_media_type',
      ]),
    }),
    idempotencyKey,
    jsonBodyUpTo('maxDebitsBodyBytes'),
    validated('json', debitsBody),
    async (c) => {
      const items = c.req.valid('json')
      const key = c.get('key')
      if (key !== undefined && `${key}#${items.length}`.length > MAX_KEY_LENGTH) {
        throw new Problem('invalid_idempotency_key')
      }
      // Each item has a deadline of its own: those that were in time keep their answers.
      c.get('deadline')?.release()
      const answered = await Promise.all(
        items.map((item, n) => {
          const keyOfAll = key === undefined ? undefined : `${key}#${n}`
          return debit(item, item.idempotency_key ?? keyOfAll, reaches(c, item.user_id))
        }),
      )
      const done = answered.filter(({ replayed }) => replayed !== undefined)
      markReplayed(c, key !== undefined && done.length > 0 && done.every((one) => one.replayed))
      return json(c, { results: answered.map(({ result }) => result) })
    },
  )

  return debits
}
