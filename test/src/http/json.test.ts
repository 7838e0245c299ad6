import { expect, test } from 'vitest'
import { jsonFaults } from '../../../src/http/json.ts'

const faultsOf = (text: string) =>
  jsonFaults(text).map(({ path, message }) => ({ path: path.join('.'), message }))

test.each([
  ['{"a":1,"a":1}', 'a'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"a":{"b":1,"b":2}}', 'a.b'],
  ['[{"a":1},{"a":1,"b":[1,[2]],"a":2}]', '1.a'],
])('jsonFaults() finds a member that is given twice: %s', (text, path) => {
  expect(faultsOf(text)).toEqual([{ path, message: 'is given twice' }])
})

test.each([
  '1e400',
  '4e-400',
  '10.00000000000000000001',
  '9007199254740993',
  '1234567890123456789012345678901234567890',
])('jsonFaults() finds a number that a double would change: %s', (text) => {
  expect(faultsOf(`{"a":[0,${text}]}`)).toEqual([
    { path: 'a.1', message: 'has more digits than can be read exactly' },
  ])
})

test.each(['"\\u0000"', '{"\\u0000":1}', '"\\ud800"', '"a\\udc00b"'])(
  'jsonFaults() finds a string that PostgreSQL cannot store: %s',
  (text) => {
    expect(jsonFaults(text)).toMatchObject([{ message: 'has a NUL or half a surrogate pair' }])
  },
)

test.each([
  '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
  '{"a":"a","b":"a"}',
  '{"a":":","b":",{\\"a\\":1}"}',
  '[0,-0,0.0,0e5,1E-2,1e2,0.30000000000000004,1.5000000000000000000000,9999999999.99,5e-324]',
  '[1.7976931348623157e308,1e21,9007199254740992,100000000000000000000]',
  '"\\ud83d\\ude00"',
])('jsonFaults() lets pass what stays as it is written: %s', (text) => {
  expect(JSON.parse(text)).toBeDefined()
  expect(jsonFaults(text)).toEqual([])
})

test('jsonFaults() reads a number of a million zeros once, not once for each of them', () => {
  const text = `{"amount":1.${'0'.repeat(1_000_000)}1}`
  expect(jsonFaults(text)).toMatchObject([{ path: ['amount'] }])
})
