import { expect, test } from 'vitest'
import { SCOPES } from '../../src/auth/scopes.ts'
import { parseTokens } from '../../src/auth/access_tokens.ts'
import { sha256 } from '../support/access.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { sample } from '../support/share.ts'

/** Exit code, then the lines that it wrote to either stream. */
async function newToken(...args: string[]): Promise<[number | string, ...string[]]> {
  const run = runTypeScript('dev/new_token.ts', args)
  return [await run.ended, ...run.output().trimEnd().split('\n')]
}

test('npm run token shows a new token and the entry that lets it in', async () => {
  const args = ['--name', 'shop', '--scopes', 'read,debit', '--users', '1,2']
  const [one, other] = await Promise.all([newToken(...args), newToken(...args)])
  const lines = one.slice(1) as string[]
  const token = lines.find((line) => /^ledger_[\w-]{43}$/.test(line))!
  const entry = lines.find((line) => line.startsWith('{'))!
  expect(one[0]).toBe(0)
  expect(other.slice(1)).not.toContain(token)
  expect(entry).not.toContain(token)
  expect(parseTokens(`[${entry}]`)).toEqual(
    new Map([[
      sha256(token),
      { name: 'shop', scopes: new Set(['read', 'debit']), users: new Set([1, 2]) },
    ]]),
  )
})

test.each(sample('bad arguments', [
  [[], 'name is not as documented'],
  [['--name', 'shop'], 'scopes is not as documented'],
  [['--name', 'a shop', '--scopes', 'read'], 'name must be 1 to 64 letters, digits, _ . or -'],
  [
    ['--name', 'shop', '--scopes', 'read,write'],
    'scopes.1 must be one of read, debit, credit, transfer, hold, reverse, journal, admin',
  ],
  [['--name', 'shop', '--scopes', 'read', '--users', '1,x'], 'users.1 is not as documented'],
  [['--scope', 'read'], expect.stringContaining('--scope')],
], 2))('npm run token refuses %j and makes nothing', async (args, fault) => {
  const scopes = expect.stringContaining(SCOPES.join(', '))
  expect(await newToken(...args)).toEqual([1, fault, expect.stringMatching(/^usage: /), scopes])
})
