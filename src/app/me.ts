/** GET /me: who asks, as the service sees it. */
import { Hono } from 'hono'
import { z } from 'zod'
import { SCOPES } from '../auth/scopes.ts'
import { json } from '../http/response.ts'
import { describe } from './describe.ts'
import { integer, text } from './schemas.ts'

const caller = z.object({
  name: text(255).optional().describe('Of the token, or the subject of the JWT.'),
  scopes: z.array(z.enum(SCOPES)).max(SCOPES.length),
  users: z.array(integer).max(10_000).optional().describe(
    'The only users that the caller may act for; left out: all.',
  ),
}).meta({
  id: 'Caller',
  description: 'What a caller may do.',
  examples: [{ name: 'shop', scopes: ['read', 'debit'], users: [1, 2] }],
})

/** GET /me. */
export function meRoutes() {
  return new Hono().get(
    '/',
    describe({
      operationId: 'getCaller',
      tag: 'Users',
      summary: 'What the caller may do',
      description: 'While access is off there is no name, and everything is allowed.',
      responses: { 200: { schema: caller } },
    }),
    (c) => {
      const { name, scopes = SCOPES, users } = c.get('caller') ?? {}
      return json(c, { name, scopes: [...scopes], ...(users && { users: [...users] }) })
    },
  )
}
