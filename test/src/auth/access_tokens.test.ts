import { describe, expect, test } from 'vitest'
import { parseTokens } from '../../../src/auth/access_tokens.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const SHOP = { name: 'shop', scopes: ['read', 'debit'], users: [1, 2], sha256: [A, B] }

function refusal(text: string): string {
  try {
    parseTokens(text)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('should have been refused')
}

describe('parseTokens()', () => {
  test('has a caller for each hash, so that a new token works before the old one ends', () => {
    const callers = parseTokens(JSON.stringify([SHOP, {
      name: 'all',
      scopes: ['admin'],
      sha256: ['c'.repeat(64)],
    }]))
    expect([...callers.keys()]).toEqual([A, B, 'c'.repeat(64)])
    expect(callers.get(A)).toBe(callers.get(B))
    expect(callers.get(A)).toEqual({
      name: 'shop',
      scopes: new Set(['read', 'debit']),
      users: new Set([1, 2]),
    })
    // Bound to nobody is something else than bound to no users.
    expect(callers.get('c'.repeat(64))).not.toHaveProperty('users')
  })

  test('an empty list lets nobody in', () => {
    expect(parseTokens('[]').size).toBe(0)
  })

  test.each([
    ['', 'must be JSON'],
    ['{"secret": 1}', 'is not as documented'],
    ['[{"secret": 1}]', 'at 0.name is not as documented'],
    [JSON.stringify([{ ...SHOP, secret: 1 }]), 'at 0 is not as documented'],
    [JSON.stringify([{ ...SHOP, name: 'secret shop' }]), 'at 0.name must be 1 to 64'],
    [JSON.stringify([{ ...SHOP, scopes: [] }]), 'at 0.scopes must not be empty'],
    [
      JSON.stringify([{ ...SHOP, scopes: ['read', 'secret'] }]),
      'at 0.scopes.1 must be one of read, ',
    ],
    [JSON.stringify([{ ...SHOP, users: [] }]), 'at 0.users must not be empty'],
    [JSON.stringify([{ ...SHOP, users: [0] }]), 'at 0.users.0 must be the number'],
    [JSON.stringify([{ ...SHOP, users: ['secret'] }]), 'at 0.users.0 is not as documented'],
    [JSON.stringify([{ ...SHOP, users: null }]), 'at 0.users is not as documented'],
    [JSON.stringify([{ ...SHOP, sha256: [] }]), 'at 0.sha256 must not be empty'],
    [JSON.stringify([{ ...SHOP, sha256: ['secret'] }]), 'at 0.sha256.0 must be 64'],
    [JSON.stringify([{ ...SHOP, sha256: [A.toUpperCase()] }]), 'at 0.sha256.0 must be 64'],
    [JSON.stringify([{ ...SHOP, sha256: [A, A] }]), 'at 0.sha256 is there twice'],
    [JSON.stringify([SHOP, { ...SHOP, sha256: ['c'.repeat(64)] }]), 'at 1.name is there twice'],
    [JSON.stringify([SHOP, { ...SHOP, name: 'other' }]), 'at 1.sha256 is there twice'],
  ])('refuses %s in one line without a word of it', (text, start) => {
    const message = refusal(text)
    expect(message.startsWith(start), message).toBe(true)
    expect(message).not.toMatch(/\n|secret|shop|a{8}/)
  })
})
