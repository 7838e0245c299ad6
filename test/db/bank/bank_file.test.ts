import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bankLineOf, LineFault } from '../../../db/bank/bank_line.ts'
import { parseOptions } from '../../../db/bank/bank_options.ts'
import { type Batch, readBankFile } from '../../../db/bank/read_bank_file.ts'

const BASIC = ['--reference', 'Ref', '--user', 'Who', '--amount', 'Sum']
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-bank-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function read(content: string | Uint8Array, ...options: string[]): Promise<Batch> {
  const path = join(folder, 'bank.csv')
  await writeFile(path, content)
  const { file } = parseOptions([path, ...BASIC, ...options], [])
  const all: Batch = { lines: [], faults: [] }
  for await (const { lines, faults } of readBankFile(file, 2)) {
    all.lines.push(...lines)
    all.faults.push(...faults)
  }
  return all
}

const inShort = ({ lines }: Batch) =>
  lines.map(({ line, user, action, amount, key }) => [line, user, action, amount, key].join(' '))

test('a file with a byte order mark, quotes, empty lines and other columns is read', async () => {
  const batch = await read(
    '\ufeffRef,"Other",Sum,Who\r\nA1,"x, ""y""\nz",10.00,ann\r\n\r\nA2,,-2.5,"b,ob"\r\n',
  )
  expect(inShort(batch)).toEqual(['3 ann CREDIT 10.00 bank:A1', '5 b,ob DEBIT 2.5 bank:A2'])
  expect(batch.faults).toEqual([])
})

test('semicolons, tabs, decimal commas, dates and Windows-1252 are read when told', async () => {
  const text = 'Ref;Sum;Who;Day;What\nR1;"1.234,56";ann;30.11.2026;Miete f\u00fcr M\u00e4rz\n'
  const format = ['--delimiter', ';', '--decimal-comma', '--date-format', 'DD.MM.YYYY']
  const options = ['--date', 'Day', '--text', 'What', '--source', 'giro']
  const { lines: [line] } = await read(
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
    '--encoding',
    'windows-1252',
    ...format,
    ...options,
  )
  expect(line).toMatchObject({ action: 'CREDIT', amount: '1234.56', key: 'giro:R1' })
  expect(JSON.parse(line!.metadata)).toEqual({
    source: 'giro',
    reference: 'R1',
    date: '2026-11-30',
    text: 'Miete f\u00fcr M\u00e4rz',
  })
  expect(inShort(await read('Ref\tSum\tWho\nR1\t1\tann\n', '--delimiter', 'tab')))
    .toEqual(['2 ann CREDIT 1 bank:R1'])
})

test('each line that is not as it should be is named, and the others are read', async () => {
  const batch = await read('Ref,Sum,Who\nA,1,ann\n,1,ann\nB,x,ann\nC,1\nD,2,bob\n')
  expect(batch.faults.map(({ line }) => line)).toEqual([3, 4, 5])
  expect(inShort(batch)).toEqual(['2 ann CREDIT 1 bank:A', '6 bob CREDIT 2 bank:D'])
})

test.each([
  ['an empty file', ''],
  ['a file without a column', 'Ref,Sum\nA,1\n'],
  ['a column that is there twice', 'Ref,Sum,Who,Sum\nA,1,ann,2\n'],
  ['a quote that is never closed', 'Ref,Sum,Who\n"A,1,ann\n'],
  ['a line without an end', `Ref,Sum,Who\n${'x'.repeat(100_000)}`],
  ['another encoding', Uint8Array.from([0x52, 0xe4, 0x0a])],
])('%s is an error in one line', async (_, content) => {
  await expect(read(content)).rejects.toThrow('bank.csv')
})

const reading = {
  source: 'b',
  isUserId: false,
  isDecimalComma: false,
  dateFormat: 'YYYY-MM-DD',
} as const
const lineOf = (cells: object, options: object = {}) =>
  bankLineOf(2, { reference: 'R', user: 'u', amount: { signed: '1' }, ...cells }, {
    ...reading,
    ...options,
  })

test.each([
  ['12.50', false, 'CREDIT 12.50'],
  ['+12', false, 'CREDIT 12'],
  ['-0.01', false, 'DEBIT 0.01'],
  ['1,234.56', false, 'CREDIT 1234.56'],
  ['-1.234.567,80', true, 'DEBIT 1234567.80'],
  ['0,5', true, 'CREDIT 0.5'],
])('the amount %s (decimal comma: %s) is %s', (signed, isDecimalComma, expected) => {
  const { action, amount } = lineOf({ amount: { signed } }, { isDecimalComma })
  expect(`${action} ${amount}`).toBe(expected)
})

test.each([
  ['1.234', false],
  ['1,50', false],
  ['1,234', false],
  ['12,34.56', false],
  ['1.50', true],
  ['1.234', true],
  ['0.00', false],
  ['--1', false],
  ['1e3', false],
  ['12345678901', false],
  ['', false],
])('the amount %j (decimal comma: %s) is refused', (signed, isDecimalComma) => {
  expect(() => lineOf({ amount: { signed } }, { isDecimalComma })).toThrow(LineFault)
})

test.each([
  ['5', '', 'CREDIT 5'],
  ['', '5', 'DEBIT 5'],
  ['0.00', '-5', 'DEBIT 5'],
  ['5', '5', undefined],
  ['', '', undefined],
  ['-5', '', undefined],
])('a credit of %j and a debit of %j is %s', (credit, debit, expected) => {
  const line = () => lineOf({ amount: { credit, debit } })
  if (expected === undefined) expect(line).toThrow(LineFault)
  else expect(`${line().action} ${line().amount}`).toBe(expected)
})

test('no two references have the same key, and each key is visible ASCII', () => {
  const references = ['a b', 'a%20b', 'a+b', 'ä', '%C3%A4', 'a/b', 'a:b', '=x']
  const keys = references.map((reference) => lineOf({ reference }).key)
  expect(new Set(keys).size).toBe(references.length)
  for (const key of keys) expect(key).toMatch(/^[!-~]{1,255}$/)
  expect(() => lineOf({ reference: 'ä'.repeat(100) })).toThrow(LineFault)
})

test.each([
  [{ user: ' ' }, {}],
  [{ user: '7x' }, { isUserId: true }],
  [{ user: '9007199254740992' }, { isUserId: true }],
  [{ date: '2026-02-30' }, {}],
  [{ date: '1.2.2026' }, { dateFormat: 'DD.MM.YYYY' }],
  [{ date: '2026-11-30' }, { dateFormat: 'DD.MM.YYYY' }],
  [{ text: 'x'.repeat(1001) }, {}],
  [{ text: 'a\0b' }, {}],
])('a line with %j is refused (%j)', (cells, options) => {
  expect(() => lineOf(cells, options)).toThrow(LineFault)
})

test.each([
  [[]],
  [['f.csv', 'g.csv', ...BASIC]],
  [['f.csv', '--user', 'u', '--amount', 'a']],
  [['f.csv', ...BASIC, '--user-id', 'i']],
  [['f.csv', '--reference', 'r', '--user', 'u', '--credit', 'c']],
  [['f.csv', ...BASIC, '--credit', 'c', '--debit', 'd']],
  [['f.csv', ...BASIC, '--source', 'a:b']],
  [['f.csv', ...BASIC, '--delimiter', ';;']],
  [['f.csv', ...BASIC, '--encoding', 'nonsense']],
  [['f.csv', ...BASIC, '--date-format', 'YY']],
  [['f.csv', ...BASIC, '--dry-run']],
])('the arguments %j are refused', (args) => {
  expect(() => parseOptions(args, ['csv'])).toThrow(Error)
})
