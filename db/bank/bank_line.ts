/** A line of a bank's file as what the ledger is to have: an entry with a key, or what is wrong. */

export type DateFormat = 'YYYY-MM-DD' | 'DD.MM.YYYY' | 'DD/MM/YYYY' | 'MM/DD/YYYY'

/** The cells of a line that count, as they are in the file. */
export interface Cells {
  reference: string
  user: string
  amount: { signed: string } | { credit: string; debit: string }
  date?: string
  text?: string
}

/** How the cells are to be read: a part of BankFile. */
export interface Reading {
  source: string
  isUserId: boolean
  isDecimalComma: boolean
  dateFormat: DateFormat
}

export interface BankLine {
  /** Where it ends in the file. */
  line: number
  /** By id or reference, as the file has it. */
  user: string
  action: 'CREDIT' | 'DEBIT'
  /** A decimal string above zero. */
  amount: string
  key: string
  /** JSON. */
  metadata: string
}

const MAX_KEY_LENGTH = 255
const MAX_TEXT_LENGTH = 1000
const MAX_ID = 9007199254740991n

/** A line is not what it should be; the message says how. */
export class LineFault extends Error {
  override name = 'LineFault'
}

/** @throws LineFault */
export function bankLineOf(line: number, cells: Cells, reading: Reading): BankLine {
  const reference = cells.reference.trim()
  if (!reference) throw new LineFault('it has no reference')
  const user = cells.user.trim()
  if (!user) throw new LineFault('it names no user')
  if (reading.isUserId && !(/^[1-9]\d{0,15}$/.test(user) && BigInt(user) <= MAX_ID)) {
    throw new LineFault(`${JSON.stringify(user)} is no id of a user`)
  }
  const text = cells.text?.trim()
  if (`${reference}${user}${text}`.includes('\0')) throw new LineFault('it has a character NUL')
  if (text && text.length > MAX_TEXT_LENGTH) {
    throw new LineFault(`its text has more than ${MAX_TEXT_LENGTH} characters`)
  }
  const date = cells.date === undefined ? undefined : dateOf(cells.date.trim(), reading.dateFormat)
  const { source } = reading
  return {
    line,
    user,
    ...changeOf(cells.amount, reading.isDecimalComma),
    key: keyOf(source, reference),
    metadata: JSON.stringify({ source, reference, ...(date && { date }), ...(text && { text }) }),
  }
}

/** What the keys of all lines of a source begin with. */
export const keyPrefixOf = (source: string): string => `${source}:`

/** Other characters than a key may have are written as in a URL, so that no two references meet. */
function keyOf(source: string, reference: string): string {
  const key = keyPrefixOf(source) + reference.replace(/[^!-$&-~]/gu, encodeURIComponent)
  if (key.length > MAX_KEY_LENGTH) {
    throw new LineFault(`its reference is too long for a key of ${MAX_KEY_LENGTH} characters`)
  }
  return key
}

function changeOf(amount: Cells['amount'], isDecimalComma: boolean) {
  const read = (text: string) => amountOf(text.trim(), isDecimalComma)
  if ('signed' in amount) {
    const { isNegative, digits } = read(amount.signed)
    return changeBy(isNegative, digits)
  }
  const [credit, debit] = [amount.credit, amount.debit].map((text) =>
    text.trim() ? read(text) : { isNegative: false, digits: '0' }
  )
  if (isZero(credit!.digits) === isZero(debit!.digits)) {
    throw new LineFault('it needs either a credit or a debit')
  }
  // Some banks write debits with a sign.
  if (credit!.isNegative) throw new LineFault('its credit is below zero')
  return isZero(debit!.digits) ? changeBy(false, credit!.digits) : changeBy(true, debit!.digits)
}

const isZero = (digits: string) => /^[0.]+$/.test(digits)

function changeBy(isDebit: boolean, digits: string): Pick<BankLine, 'action' | 'amount'> {
  if (isZero(digits)) throw new LineFault('its amount is zero')
  return { action: isDebit ? 'DEBIT' : 'CREDIT', amount: digits }
}

const PLAIN = { point: /^\d{1,10}(\.\d{1,2})?$/, comma: /^\d{1,10}(,\d{1,2})?$/ }
/** Only with its decimals: what 1.234 means depends on who reads it. */
const GROUPED = { point: /^\d{1,3}(,\d{3}){1,3}\.\d{2}$/, comma: /^\d{1,3}(\.\d{3}){1,3},\d{2}$/ }

function amountOf(text: string, isDecimalComma: boolean) {
  const isNegative = text.startsWith('-')
  const number = text.replace(/^[+-]/, '')
  const form = isDecimalComma ? 'comma' : 'point'
  if (!PLAIN[form].test(number) && !GROUPED[form].test(number)) {
    throw new LineFault(
      `${JSON.stringify(text.slice(0, 40))} is no amount with at most two decimals`,
    )
  }
  const digits = isDecimalComma
    ? number.replaceAll('.', '').replace(',', '.')
    : number.replaceAll(',', '')
  return { isNegative, digits }
}

function dateOf(text: string, format: DateFormat): string {
  const parts = text.split(/[-./]/)
  const places = format.split(/[-./]/)
  const part = (name: string) => parts[places.indexOf(name)] ?? ''
  const iso = `${part('YYYY')}-${part('MM')}-${part('DD')}`
  const isShaped = text.replace(/\d/g, '0') === format.replace(/[YMD]/g, '0')
  const time = Date.parse(`${iso}T00:00:00Z`)
  // A day that there isn't, such as 30 February, becomes another or none.
  if (!isShaped || Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== iso) {
    throw new LineFault(`${JSON.stringify(text.slice(0, 40))} is no date as ${format}`)
  }
  return iso
}
