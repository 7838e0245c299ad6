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
  /**
   * Where users are on several servers: how far the positions of each were read. Then `digest` is
   * that of the last events of all, and `through` says how often the history had been settled
   * farther when this was read.
   */
  series?: readonly Place[]
}

/** How far what one server has given was read; a position is that in its series. */
export interface Place {
  /** The number of the server: see ledger.get_servers. */
  series: number
  position: number
  incarnation: string
  through: number
}

const CURSOR = /^(\d{1,16})-([0-9a-f]{16})(?:-([0-9a-f]{8})(?:-(\d{1,16}))?)?$/
const PLACES = /^([0-9a-f]{16})((?:~\d{1,4}\.\d{1,15}\.[0-9a-f]{8}\.\d{1,15})+)$/
/** Characters of a cursor; one of many servers is long. */
export const MAX_CURSOR_LENGTH = 4096
/** Where no event was read yet. */
export const NO_DIGEST = '0'.repeat(16)

/** Before the first event. */
export const BEGINNING: Cursor = {
  position: 0,
  digest: NO_DIGEST,
  incarnation: undefined,
  through: 0,
}

/** Of a server that is gone. */
export const NO_INCARNATION = '0'.repeat(8)

/** The id of an event: the same in every copy of a history. */
export const eventId = (position: number | string, digest: string): string =>
  `${position}-${digest}`

/** The text of a cursor. */
export const cursorText = ({ position, digest, incarnation, through, series }: Cursor): string =>
  series
    ? [digest, ...series.map((one) => [one.series, one.position, one.incarnation, one.through])]
      .map((part) => typeof part === 'string' ? part : part.join('.')).join('~')
    : [eventId(position, digest), incarnation, through > position ? through : undefined]
      .filter((part) => part !== undefined).join('-')

/** @returns undefined if the text is neither a cursor nor the id of an event */
export function parseCursor(text: string): Cursor | undefined {
  const [, position, digest, incarnation, through = position] = CURSOR.exec(text) ?? []
  if (digest === undefined) return parsePlaces(text)
  const numbers = [Number(position), Number(through)] as const
  if (!numbers.every(Number.isSafeInteger)) return undefined
  return { position: numbers[0], digest, incarnation, through: numbers[1] }
}

function parsePlaces(text: string): Cursor | undefined {
  const [, digest, places] = PLACES.exec(text) ?? []
  if (digest === undefined) return undefined
  const series = places!.slice(1).split('~').map((place): Place => {
    const [number, position, incarnation, through] = place.split('.') as [
      string,
      string,
      string,
      string,
    ]
    return {
      series: Number(number),
      position: Number(position),
      incarnation,
      through: Number(through),
    }
  })
  const isOnce = new Set(series.map((place) => place.series)).size === series.length
  return isOnce ? { ...BEGINNING, digest, series } : undefined
}
