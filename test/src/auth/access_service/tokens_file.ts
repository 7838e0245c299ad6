/** The file of tokens. */
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bearer, type Held, tokensFile } from '../../../support/access.ts'
import { ALL, logOf, start } from './service.ts'

describe('a file of tokens that is not as it should be', () => {
  const refusal = (accessTokensFile: string) =>
    start({ accessTokensFile }).then(() => 'started', (error: Error) => error.message)

  test('stops the start with one line that names the setting and shows nothing', async () => {
    const path = tokensFile([ALL])
    expect(await refusal(`${path}.not`)).toMatch(/^ACCESS_TOKENS_FILE can't be read \(\w+\)$/)
    // Nobody ever writes to it; the directory is none, either.
    execFileSync('mkfifo', [`${path}.pipe`])
    expect(await refusal(`${path}.pipe`)).toBe("ACCESS_TOKENS_FILE can't be read (ENOTFILE)")
    expect(await refusal(dirname(path))).toBe("ACCESS_TOKENS_FILE can't be read (ENOTFILE)")
    for (const text of ['', 'secret', '{"secret": 1}', '["secret"]', '[{"secret": "secret"}]']) {
      writeFileSync(path, text)
      expect(await refusal(path)).toMatch(/^ACCESS_TOKENS_FILE (?!.*secret).+$/)
    }
  })
})

describe('a file of tokens that changes', () => {
  const NEW = { tokens: ['a-new-one'], scopes: ['read'] as const }

  /** A service with a file that has the old token, and what can be done to both. */
  async function startWithFile() {
    const log = logOf()
    const path = tokensFile([ALL])
    const { call } = await start({ accessTokensFile: path, logLevel: 'info' })
    const status = async (token: string) =>
      (await call('GET', '/users/1', undefined, bearer(token))).status
    /** As a new file, in one step. */
    const replace = (text: string) => {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    }
    const held = (...callers: Held[]) => replace(readFileSync(tokensFile(callers), 'utf8'))
    const faults = () => log.lines.filter(({ level }) => level === 'error').map(({ why }) => why)
    return { path, status, replace, held, faults, log }
  }

  test('lets a new token in and the old one out, for all that it was good for', async () => {
    const { status, held, log } = await startWithFile()
    expect([await status('all-of-them'), await status('a-new-one')]).toEqual([200, 401])
    held(ALL, NEW)
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(await status('all-of-them')).toBe(200)
    held(NEW)
    await expect.poll(() => status('all-of-them')).toBe(401)
    expect(await status('a-new-one')).toBe(200)
    held({ ...NEW, scopes: ['debit'] })
    await expect.poll(() => status('a-new-one')).toBe(403)
    held({ ...NEW, users: [1] })
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(JSON.stringify(log.lines)).not.toContain('a-new-one')
  })

  test('and is gone or bad for a while leaves who had a token in, and is logged once', async () => {
    const { path, status, replace, held, faults } = await startWithFile()
    /** Reads the file as often as it takes; a fault that is still there isn't logged again. */
    async function untilLogged(pattern: RegExp) {
      const before = faults().length
      await expect.poll(() => status('all-of-them').then(() => faults().length))
        .toBe(before + 1)
      expect(faults().at(-1)).toMatch(pattern)
      expect(await status('all-of-them')).toBe(200)
    }
    replace('[{"name": "secret')
    await untilLogged(/^ACCESS_TOKENS_FILE must be JSON$/)
    rmSync(path)
    await untilLogged(/^ACCESS_TOKENS_FILE can't be read \(\w+\)$/)
    execFileSync('mkfifo', [path])
    await untilLogged(/^ACCESS_TOKENS_FILE can't be read \(ENOTFILE\)$/)
    replace('[{"name": "secret"}]')
    await untilLogged(/^ACCESS_TOKENS_FILE at 0\.(?!.*secret).+$/)
    held(NEW)
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(await status('all-of-them')).toBe(401)
    expect(faults()).toHaveLength(4)
  })
})
