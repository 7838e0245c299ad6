/** A file of tokens for a service, and the tokens themselves. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Scope } from '../../src/auth/scopes.ts'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** As `Authorization` has it. */
export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

export interface Held {
  name?: string
  /** Its names, each as good as the others. */
  tokens: string[]
  scopes: readonly Scope[]
  users?: number[]
}

/** Writes a file with these callers, or others later; whoever makes it removes it. */
export function writeTokens(
  first: Held[],
): { path: string; write: (callers: Held[]) => void; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-tokens-'))
  const path = join(folder, 'tokens.json')
  function write(callers: Held[]): void {
    const entries = callers.map(({ tokens, ...rest }, i) => ({
      name: `caller-${i}`,
      ...rest,
      sha256: tokens.map(sha256),
    }))
    writeFileSync(path, JSON.stringify(entries))
  }
  write(first)
  return { path, write, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The same for a single test. */
export function tokensFile(callers: Held[]): string {
  const { path, remove } = writeTokens(callers)
  onTestFinished(remove)
  return path
}
