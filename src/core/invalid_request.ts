/** The problem of an input that is not valid: what is wrong with it, and where. */
import { Problem } from './errors.ts'

/** How many faults a response repeats. */
const MAX_ERRORS = 20
/** Characters of a path that a response repeats: half from its beginning, half from its end. */
const MAX_PATH_LENGTH = 200

export interface Fault {
  /** The place in the input: names of members and indexes. */
  path: (string | number)[]
  message: string
}

/**
 * Makes the problem of an input with these faults. Names in a path are as long as the caller likes,
 * so the response repeats only the first faults and a part of each path.
 */
export function invalidRequest(faults: Fault[]): Problem {
  const errors = faults.slice(0, MAX_ERRORS)
    .map(({ path, message }) => ({ path: shortened(path), message }))
  return new Problem('invalid_request', { errors })
}

function shortened(path: Fault['path']): string {
  const half = MAX_PATH_LENGTH / 2
  // Each part is cut first, so that joining them takes no more than the limit.
  const parts = path.map((part) => {
    const text = String(part)
    return text.length > MAX_PATH_LENGTH ? `${text.slice(0, half)}…${text.slice(-half)}` : text
  })
  const text = parts.join('.')
  if (text.length <= MAX_PATH_LENGTH) return text.toWellFormed()
  return `${text.slice(0, half)}…${text.slice(-half)}`.toWellFormed()
}
