/** GET and POST /users: creates users and lists them. */
import { Hono } from 'hono'
import { assertUserAllowed } from '../auth/caller.ts'
import { codeOf, Problem } from '../core/errors.ts'
import { rowsOfPage } from '../core/page_length.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { json, setLocation } from '../http/response.ts'
import type { Ledger } from '../ledger/functions.ts'
import { isLongRead } from '../ledger/read_functions.ts'
import type { Snapshots } from '../cache/snapshots.ts'
import { idempotencyKey, jsonBody, validated } from '../http/validate.ts'
import { markReplayed, metadataText } from './created.ts'
import { describe } from './describe.ts'
import { EMPTY } from './examples.ts'
import { longRead } from './long_read.ts'
import { madeUser, newUserBody, userPage, usersQuery } from './schemas_users.ts'

const DEFAULT_LIMIT = 50
const MADE_AS_ANOTHER = 'A user was made with this key, reference or id, but as something else.'

export interface UserDirectoryDependencies {
  ledger: Pick<Ledger, 'createUser' | 'listUsers'>
  snapshots: Pick<Snapshots, 'read'>
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

/** GET and POST /users. */
export function userDirectoryRoutes(dependencies: UserDirectoryDependencies) {
  const routes = new Hono()
  addListUsers(routes, dependencies)
  addCreateUser(routes, dependencies)
  return routes
}

function addListUsers(routes: Hono, { ledger, longReads }: UserDirectoryDependencies) {
  routes.get(
    '/',
    describe({
      operationId: 'listUsers',
      tag: 'Users',
      summary: 'Users, by number; or the one with a reference',
      description:
        'A caller who is bound to users gets these only. A page ends before its `limit` ' +
        'where it has a megabyte; `next` tells.',
      responses: { 200: { schema: userPage } },
      problems: ['invalid_request', 'busy'],
    }),
    validated('query', usersQuery),
    async (c) => {
      const { reference, after, limit } = c.req.valid('query')
      const maxRows = Number(limit ?? DEFAULT_LIMIT)
      const userIds = c.get('caller')?.users
      // One more than asked for tells whether there is another page.
      const listing = { reference, after: Number(after ?? 0), maxRows: maxRows + 1, userIds }
      const turns = isLongRead(listing) ? longReads : undefined
      const users = await longRead(turns, c, () => ledger.listUsers(listing))
      const shown = rowsOfPage(users, maxRows)
      return json(c, { users: shown, next: users.length > shown.length ? shown.at(-1)!.id : null })
    },
  )
}

function addCreateUser(routes: Hono, { ledger, snapshots }: UserDirectoryDependencies) {
  routes.post(
    '/',
    describe({
      operationId: 'createUser',
      tag: 'Users',
      summary: 'Make a user',
      description: 'With the id or the reference of a user that exists already: 200 and that ' +
        'user as it is now, unless it was made as something else. With the key of a user that ' +
        'was made with it: the first answer again. Keys of this route belong to nobody.',
      responses: {
        200: { schema: madeUser, description: 'The user was there already.' },
        201: {
          schema: madeUser,
          example: EMPTY,
          description: 'The new user.',
          headers: ['Location'],
        },
      },
      problems: [
        'invalid_request',
        'invalid_idempotency_key',
        'payload_too_large',
        'unsupported_media_type',
        'idempotency_key_reused',
        'busy',
        'outcome_unknown',
      ],
    }),
    idempotencyKey,
    jsonBody,
    validated('json', newUserBody),
    async (c) => {
      const { id: wanted, reference, metadata } = c.req.valid('json')
      assertUserAllowed(c, wanted)
      const deadline = c.get('deadline')
      if (deadline) deadline.isSent = true
      const { id, created, replayed, created_at, ...details } = await ledger.createUser({
        id: wanted,
        reference,
        metadata: metadataText(metadata),
        key: c.get('key'),
      }).catch((error: unknown) => {
        if (codeOf(error) !== 'LGKEY') throw error
        throw new Problem('idempotency_key_reused', { detail: MADE_AS_ANOTHER })
      })
      if (created || replayed) {
        markReplayed(c, replayed)
        setLocation(c, `/users/${id}`)
        const empty = { id, balance: '0.00', available: '0.00', seq: 0, updated_at: created_at }
        return json(c, { ...empty, ...details }, 201)
      }
      const found = await snapshots.read(id, { fresh: true })
      if (!found) throw new Problem('unknown_user')
      return json(c, { ...found.snapshot, ...details })
    },
  )
}
