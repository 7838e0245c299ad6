/** Parses files of settings that are JSON. */
import type { z } from 'zod'

/**
 * @throws Error with one line that says where the fault is, without repeating the content
 */
export function parseJsonFile<T extends z.ZodType>(schema: T, text: string): z.infer<T> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error('must be JSON')
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path, code, message } = parsed.error.issues[0]!
  const what = code === 'unrecognized_keys' || code === 'invalid_type'
    ? 'is not as documented'
    : message
  throw new Error([...path.length > 0 ? [`at ${path.join('.')}`] : [], what].join(' '))
}
