/** Problems that requests are answered with, to the letter. */
import { expect } from 'vitest'
import type { Answer } from './http.ts'

/** Every problem's status and title, word for word. */
export const PINNED_PROBLEMS = {
  invalid_request: [400, 'The request is not valid.'],
  invalid_idempotency_key: [
    400,
    'Idempotency-Key must be 1 to 255 visible ASCII characters, bare or as a quoted string.',
  ],
  unauthorized: [401, 'This needs a valid bearer token.'],
  forbidden: [403, 'The caller may not do this.'],
  unknown_user: [404, 'There is no such user; POST /users makes one.'],
  unknown_entry: [404, 'The user has no such entry.'],
  unknown_hold: [404, 'The user has no such hold.'],
  not_found: [404, 'There is nothing at this path.'],
  method_not_allowed: [405, 'This path has other methods; see Allow.'],
  payload_too_large: [413, 'The body is larger than this path takes.'],
  unsupported_media_type: [415, 'The body must be application/json.'],
  hold_not_active: [409, 'The hold was captured or released before, or has expired.'],
  already_reversed: [409, 'The entry was reversed before.'],
  cursor_gone: [410, 'The events that the cursor comes from are not those of this database.'],
  user_frozen: [409, 'The user is frozen: nothing is taken from it, or held.'],
  too_many_holds: [409, 'The user has as many active holds as there may be.'],
  insufficient_funds: [422, 'The available balance does not cover the amount.'],
  idempotency_key_reused: [422, 'The idempotency key belongs to another request.'],
  expiry_not_later: [422, 'The hold does not expire before that.'],
  balance_out_of_range: [422, 'The balance would have more than 18 digits.'],
  same_user: [422, 'A transfer needs two different users.'],
  rate_limited: [429, 'Too many requests; see Retry-After.'],
  busy: [503, 'Nothing was done; repeat the request in a moment.'],
  outcome_unknown: [503, 'The write may have happened; repeat it with the same Idempotency-Key.'],
  not_supported: [501, 'This does not work while users are on several servers.'],
  internal: [500, 'Something went wrong here; nothing of yours is at fault.'],
} as const

export type PinnedCode = keyof typeof PINNED_PROBLEMS

/** Expects the whole answer, to the letter: status, headers, the body and the order in it. */
export function expectProblem(
  answer: Answer,
  code: PinnedCode,
  details: object = {},
  headers: Record<string, string> = {},
  what?: string,
): void {
  const [status, title] = PINNED_PROBLEMS[code]
  const retry = status === 503 && { 'retry-after': '1' }
  expect(answer, what).toEqual({
    status,
    headers: { 'content-type': 'application/problem+json', ...retry, ...headers },
    text: JSON.stringify({ type: `/docs#${code}`, title, status, code, ...details }),
    body: { type: `/docs#${code}`, title, status, code, ...details },
  })
}

export const invalid = (path: string, message: string) => ({ errors: [{ path, message }] })
