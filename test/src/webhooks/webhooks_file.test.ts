import { expect, test } from 'vitest'
import { parseWebhooks } from '../../../src/webhooks/webhooks_file.ts'
import { SECRET } from './receivers.ts'

const RECEIVER = { name: 'shop', url: 'https://shop.example/hook', secrets: [SECRET] }
const parse = (more: object) => parseWebhooks(JSON.stringify([{ ...RECEIVER, ...more }]))

test('parseWebhooks() takes https, and http on this machine', () => {
  expect(parse({})).toEqual([{ ...RECEIVER, from: 'now' }])
  for (const url of ['http://127.0.0.1:3001/', 'http://localhost/x', 'http://[::1]:1/']) {
    expect(parse({ url })[0]!.url).toBe(url)
  }
})

test.each<[object, RegExp]>([
  [{ url: 'http://shop.example/' }, /^at 0\.url must/],
  [{ url: 'https://user:password@shop.example/' }, /^at 0\.url must/],
  [{ url: 'ftp://shop.example/' }, /^at 0\.url must/],
  [{ secrets: [] }, /^at 0\.secrets must/],
  [{ secrets: ['whsec_c2hvcnQ='] }, /^at 0\.secrets\.0 must/],
  [{ secrets: [SECRET.slice(6)] }, /^at 0\.secrets\.0 must/],
  [{ secrets: [SECRET, SECRET, SECRET] }, /^at 0\.secrets must/],
  [{ types: ['entry'] }, /^at 0\.types\.0 must/],
  [{ types: ['balance.below'] }, /^at 0\.balance_below must/],
  [{ types: ['entry.posted'], balance_below: ['1'] }, /^at 0\.types must/],
  [{ users: [0] }, /^at 0\.users\.0 must/],
  [{ balance_below: [100] }, /^at 0\.balance_below\.0 /],
  [{ balance_below: ['1.001'] }, /^at 0\.balance_below\.0 must/],
  [{ from: 'yesterday' }, /^at 0\.from must/],
  [{ name: 'a b' }, /^at 0\.name must/],
  [{ header: 'x' }, /^at 0 is not as documented/],
])('parseWebhooks() refuses %o, without repeating what is secret', (more, fault) => {
  expect(() => parse(more)).toThrow(fault)
})

test('parseWebhooks() refuses two receivers with one name', () => {
  expect(() => parseWebhooks(JSON.stringify([RECEIVER, RECEIVER]))).toThrow(/^at 1\.name is/)
  expect(() => parseWebhooks('{')).toThrow('must be JSON')
})
