/** Repeats calls of the database that lost a race. */
import { isRetryable } from '../core/errors.ts'

const MAX_ATTEMPTS = 4

/**
 * Repeats a call that lost a race (isRetryable), after a random pause, so that two calls don't meet
 * again.
 */
export async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error) || attempt === MAX_ATTEMPTS) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
    }
  }
}
