/** How much of a list a page has: at most so many rows, and about a megabyte. */
import { stringify } from './raw_json.ts'

/** Characters of JSON after which a page ends. */
const MAX_PAGE_LENGTH = 1_048_576

/**
 * Creates a function that is asked for each row in turn whether the page is full before it. The
 * first row always has room.
 */
export function createIsFull(maxRows = Infinity): (row: unknown) => boolean {
  let length = 0
  let count = 0
  return function isFull(row) {
    length += stringify(row).length
    if (count === maxRows || (length > MAX_PAGE_LENGTH && count > 0)) return true
    count++
    return false
  }
}

/** The first of these rows, as many as a page has. */
export function rowsOfPage<Row>(rows: Row[], maxRows?: number): Row[] {
  const end = rows.findIndex(createIsFull(maxRows))
  return end === -1 ? rows : rows.slice(0, end)
}
