/** What `npm run import` and `npm run reconcile` are told about a bank's file. */
import { parseArgs } from 'node:util'
import type { DateFormat } from './bank_line.ts'

/** How both describe their options. */
export const FILE_OPTIONS = `
--reference COL    the bank's own name for a line, by which it is known again; of each user once
--user COL         whose line it is, by reference; or --user-id COL, by id
--amount COL       with a sign: above zero is a credit, below a debit; or --credit COL, --debit COL
--date COL         when the bank booked it, as --date-format says: YYYY-MM-DD (the default),
                   DD.MM.YYYY, DD/MM/YYYY or MM/DD/YYYY
--text COL         what it is about
--source NAME      of which account it is, if there are several: 1 to 32 letters, digits, _ or -
--delimiter CHAR   what separates columns, or tab; by default a comma
--decimal-comma    1.234,56 is more than a thousand; by default 1,234.56 is
--encoding NAME    by default utf-8; windows-1252 and others`.trim()

const STRINGS = [
  'reference',
  'user',
  'user-id',
  'amount',
  'credit',
  'debit',
  'date',
  'date-format',
  'text',
  'source',
  'delimiter',
  'encoding',
] as const
const DATE_FORMATS = ['YYYY-MM-DD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY'] as const

/** Names of columns, and how to read what is in them. */
export interface BankFile {
  path: string
  source: string
  reference: string
  user: string
  isUserId: boolean
  amount: { signed: string } | { credit: string; debit: string }
  date?: string
  dateFormat: DateFormat
  text?: string
  delimiter: string
  isDecimalComma: boolean
  encoding: string
}

export interface Options {
  file: BankFile
  /** Which of the command's own switches were given. */
  switches: Set<string>
}

type Values = Partial<Record<typeof STRINGS[number], string>>

/**
 * Parses the arguments of either command, which may have switches of its own.
 * @throws Error with one line that names what is wrong
 */
export function parseOptions(args: string[], switches: readonly string[]): Options {
  const names = [...STRINGS.map((name) => [name, 'string']), ['decimal-comma', 'boolean']]
    .concat(switches.map((name) => [name, 'boolean']))
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: Object.fromEntries(
      names.map(([name, type]) => [name, { type: type as 'string' | 'boolean' }]),
    ),
  })
  const [path, second] = positionals
  if (path === undefined) throw new Error('a FILE is needed: --help says more')
  if (second !== undefined) throw new Error(`${second} is not known here: one FILE is enough`)
  const texts = values as Values
  const isOn = (name: string) => (values as Record<string, unknown>)[name] === true
  return {
    file: {
      path,
      ...columnsOf(texts),
      ...formatOf(texts),
      isDecimalComma: isOn('decimal-comma'),
    },
    switches: new Set(switches.filter(isOn)),
  }
}

type Columns = Pick<BankFile, 'reference' | 'user' | 'isUserId' | 'amount' | 'date' | 'text'>

function columnsOf(values: Values): Columns {
  const { reference, user, 'user-id': userId, amount, credit, debit, date, text } = values
  if (reference === undefined) throw new Error('--reference is needed')
  if ((user === undefined) === (userId === undefined)) {
    throw new Error('either --user or --user-id is needed')
  }
  if (
    (amount === undefined) === (credit === undefined) ||
    (credit === undefined) !== (debit === undefined)
  ) {
    throw new Error('either --amount or both --credit and --debit are needed')
  }
  return {
    reference,
    user: user ?? userId!,
    isUserId: user === undefined,
    amount: amount === undefined ? { credit: credit!, debit: debit! } : { signed: amount },
    ...(date !== undefined && { date }),
    ...(text !== undefined && { text }),
  }
}

type Format = Pick<BankFile, 'source' | 'dateFormat' | 'delimiter' | 'encoding'>

function formatOf(values: Values): Format {
  const { source = 'bank', delimiter = ',', encoding = 'utf-8' } = values
  if (!/^[\w-]{1,32}$/.test(source)) {
    throw new Error('--source must be 1 to 32 letters, digits, _ or -')
  }
  const dateFormat = DATE_FORMATS.find((name) => name === (values['date-format'] ?? 'YYYY-MM-DD'))
  if (!dateFormat) throw new Error(`--date-format must be one of ${DATE_FORMATS.join(', ')}`)
  const separator = delimiter === 'tab' ? '\t' : delimiter
  if (separator.length !== 1 || /["\r\n]/.test(separator)) {
    throw new Error('--delimiter must be one character, or tab')
  }
  if (!isEncoding(encoding)) throw new Error(`--encoding ${encoding} is not known`)
  return { source, dateFormat, delimiter: separator, encoding }
}

function isEncoding(name: string): boolean {
  try {
    return new TextDecoder(name).encoding !== ''
  } catch {
    return false
  }
}
