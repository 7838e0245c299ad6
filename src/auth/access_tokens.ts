/**
 * Parses the file of bearer tokens: the name, scopes and users of each, and the hash of the token
 * instead of the token.
 */
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { SCOPES } from './scopes.ts'
import { parseJsonFile } from '../config/json_file.ts'

/** Hashes of one entry: during a rotation there are two. */
const MAX_HASHES = 10

const entry = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, _ . or -'),
  scopes: z.array(z.enum(SCOPES, `must be one of ${SCOPES.join(', ')}`)).min(
    1,
    'must not be empty',
  ),
  users: z.array(z.int('must be the number of a user').min(1, 'must be the number of a user'))
    .min(1, 'must not be empty').optional(),
  sha256: z.array(z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'))
    .min(1, 'must not be empty').max(MAX_HASHES, `must be at most ${MAX_HASHES}`),
})

const file = z.array(entry, 'must be a list').superRefine((entries, issues) => {
  for (const part of ['name', 'sha256'] as const) {
    const seen = new Set<string>()
    entries.forEach((one, i) => {
      for (const value of [one[part]].flat()) {
        if (seen.has(value)) {
          issues.addIssue({ code: 'custom', path: [i, part], message: 'is there twice' })
        }
        seen.add(value)
      }
    })
  }
})

/**
 * Parses the content of ACCESS_TOKENS_FILE.
 * @returns callers by the SHA-256 of their tokens, in hexadecimal
 * @throws Error with one line that says where the fault is, without repeating the content
 */
export function parseTokens(text: string): Map<string, Caller> {
  return new Map(
    parseJsonFile(file, text).flatMap(({ name, scopes, users, sha256 }) => {
      const caller = { name, scopes: new Set(scopes), ...(users && { users: new Set(users) }) }
      return sha256.map((hash) => [hash, caller] as const)
    }),
  )
}
