/** Where a reader of events is, as a text that it gives back to go on. */

export interface Cursor {
  /** Of the last event that was read; 0: none. */
  position: number
  /** What that event alone has; it is looked for again, so that a rewritten history is noticed. */
  digest: string
  /** Of the database that the cursor is from; undefined in the id of an event. */
  incarnation: string | undefined
  /** Up to which position there was nothing else to read. */
  through: number
}

const CURSOR = /^(\d{1,16})-([0-9a-f]{16})(?:-([0-9a-f]{8})(?:-(\d{1,16}))?)?$/
/** Where no event was read yet. */
export const NO_DIGEST = '0'.repeat(16)

/** Before the first event. */
export const BEGINNING: Cursor = {
  position: 0,
  digest: NO_DIGEST,
  incarnation: undefined,
  through: 0,
}

/** The id of an event: the same in every copy of a history. */
export const eventId = (position: number, digest: string): string => `${position}-${digest}`

/** The text of a cursor. */
export const cursorText = ({ position, digest, incarnation, through }: Cursor): string =>
  [eventId(position, digest), incarnation, through > position ? through : undefined]
    .filter((part) => part !== undefined).join('-')

/** @returns undefined if the text is neither a cursor nor the id of an event */
export function parseCursor(text: string): Cursor | undefined {
  const [, position, digest, incarnation, through = position] = CURSOR.exec(text) ?? []
  const numbers = [Number(position), Number(through)] as const
  if (digest === undefined || !numbers.every(Number.isSafeInteger)) return undefined
  return { position: numbers[0], digest, incarnation, through: numbers[1] }
}
