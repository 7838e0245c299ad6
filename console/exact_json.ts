/** Reads answers so that a number in metadata is shown as the ledger has stored it. */

/** What browsers know that have JSON.rawJSON; others show the nearest number that they have. */
interface ExactJson {
  rawJSON?: (text: string) => unknown
  parse(
    text: string,
    reviver: (name: string, value: unknown, context?: { source?: string }) => unknown,
  ): unknown
}

const exact = JSON as ExactJson

/** Parses JSON. JSON.stringify writes each number as it is in the text: 1.10 and 2^64, too. */
export const parseExactly = (text: string): unknown =>
  exact.parse(
    text,
    (_, value, { source } = {}) =>
      typeof value === 'number' && source !== undefined && String(value) !== source
        ? exact.rawJSON?.(source) ?? value
        : value,
  )
