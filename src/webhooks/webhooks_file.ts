/** Parses the file of webhooks: who gets which events, where, and signed with what. */
import { z } from 'zod'
import { isSafeUrl } from '../config/access_config.ts'
import { parseJsonFile } from '../config/json_file.ts'
import { EVENT_TYPES } from '../ledger/event_functions.ts'

const MESSAGE_TYPES = [...EVENT_TYPES, 'balance.below'] as const

export type MessageType = typeof MESSAGE_TYPES[number]

const SECRET_MESSAGE = 'must be whsec_ and 24 to 64 bytes in base64'
const THRESHOLD_MESSAGE = 'must be an amount such as 100.00'
const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/
const MIN_SECRET_BYTES = 24
const MAX_SECRET_BYTES = 64

function isSecret(text: string): boolean {
  const [, base64] = SECRET.exec(text) ?? []
  const bytes = base64 === undefined ? 0 : atob(base64).length
  return bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES
}

const receiver = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, _ . or -'),
  url: z.string().max(2048, 'must be at most 2048 characters')
    .refine(isSafeUrl, 'must be an https:// URL without a password'),
  // During a rotation there are two.
  secrets: z.array(z.string().refine(isSecret, SECRET_MESSAGE)).min(1, 'must not be empty')
    .max(2, 'must be at most 2'),
  types: z.array(z.enum(MESSAGE_TYPES, `must be one of ${MESSAGE_TYPES.join(', ')}`))
    .min(1, 'must not be empty').optional(),
  users: z.array(z.int('must be the number of a user').min(1, 'must be the number of a user'))
    .min(1, 'must not be empty').max(1000, 'must be at most 1000').optional(),
  balance_below: z.array(z.string().regex(/^-?\d{1,15}(\.\d{1,2})?$/, THRESHOLD_MESSAGE))
    .min(1, 'must not be empty').max(20, 'must be at most 20').optional(),
  from: z.enum(['first', 'now'], 'must be first or now').default('now'),
}).superRefine(({ types, balance_below }, issues) => {
  if (types === undefined || types.includes('balance.below') === (balance_below !== undefined)) {
    return
  }
  const [path, other] = balance_below ? ['types', 'balance_below'] : ['balance_below', 'types']
  const message = `must be there for balance.below, as ${other} is`
  issues.addIssue({ code: 'custom', path: [path], message })
})

/** Where events are delivered to. */
export type Receiver = z.infer<typeof receiver>

const file = z.array(receiver, 'must be a list').max(100, 'must be at most 100')
  .superRefine((receivers, issues) => {
    const seen = new Set<string>()
    receivers.forEach(({ name }, i) => {
      if (seen.has(name)) {
        issues.addIssue({ code: 'custom', path: [i, 'name'], message: 'is there twice' })
      }
      seen.add(name)
    })
  })

/**
 * Parses the content of WEBHOOKS_FILE.
 * @throws Error with one line that says where the fault is, without repeating the content
 */
export const parseWebhooks = (text: string): Receiver[] => parseJsonFile(file, text)
