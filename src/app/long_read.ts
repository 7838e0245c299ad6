/** Long reads wait for a turn: callers share the connections that there are for them. */
import type { Context } from 'hono'
import { callerKey } from '../auth/caller.ts'
import type { FairSemaphore } from '../core/semaphore.ts'

/**
 * Runs a read in its caller's turn.
 * @param longReads undefined: it isn't long, or there is no limit
 * @throws Problem busy if too many wait, or the request has waited too long
 */
export function longRead<T>(
  longReads: FairSemaphore | undefined,
  c: Context,
  read: () => Promise<T>,
): Promise<T> {
  if (!longReads) return read()
  return longReads.take(callerKey(c), read, { isOver: () => c.get('deadline')?.isOver ?? false })
}
