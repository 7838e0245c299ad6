/** What the answer to a poll for changes proves. */

/**
 * Every change that was committed after `since` and before `readAt`, both by the clock of the
 * database, has been told of; so has every one up to `at` by our own clock, when the poll began.
 */
export interface Heard {
  since: string
  readAt: string
  at: number
  /** Whether no cached snapshot may be believed until another poll says that this is over. */
  isPaused: boolean
}
