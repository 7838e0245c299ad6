/** CSV as it is written: RFC 4180, and nothing that a spreadsheet would run. */

/** A row of CSV, with its end. */
export function csvRow(values: (string | number | null | undefined)[]): string {
  const cells = values.map((value) => {
    const text = String(value ?? '')
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  })
  return `${cells.join(',')}\r\n`
}

/**
 * Puts an apostrophe before a text that a spreadsheet would run as a formula. A text that begins
 * with an apostrophe gets one, too, so that each text is what follows the first apostrophe.
 */
export const notFormula = (text: string | undefined): string | undefined =>
  text && /^[=+\-@']/.test(text) ? `'${text}` : text
