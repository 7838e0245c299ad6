/** What the local Redis-over-REST endpoint needs from whatever keeps its data. */

/** A reply as RESP2 gives it: status and bulk strings, integers, nil, arrays. */
export type Reply = string | number | null | Reply[]

/** An error reply; its message is Redis' own text. */
export class CommandError extends Error {
  override name = 'CommandError'
}

export interface Backend {
  /** Runs the commands in order; an error of one doesn't stop the others. */
  run(commands: string[][]): Promise<(Reply | CommandError)[]>
  /**
   * Runs the commands as one MULTI … EXEC, with nobody else's in between.
   * @throws CommandError when a command isn't accepted into the queue; then none has run
   */
  transact(commands: string[][]): Promise<(Reply | CommandError)[]>
  close(): Promise<void>
}
