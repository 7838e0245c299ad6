import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { parseDatabaseUrl } from '../../../src/config/database_url.ts'

const LINES = `# a comment:5432:*:*:no
h:5432:x:u:one
h:5432:*:u:two
h:*:x:v:a\\:b\\\\c:d
\\*:5432:*:u:star
localhost:5432:x:u:socket
half:5432
*:*:*:w:any
`

const passwordOf = (url: string, env: Record<string, string> = {}) =>
  parseDatabaseUrl(loadConfig({ ...env, DATABASE_URL: url }, LINES).databaseUrl!).password

describe('the file of passwords', () => {
  // With each of these, psql sends the same password.
  test.each([
    ['postgres://u@h/x', 'one'],
    ['postgres://u@h/y', 'two'],
    ['postgres://u@h', 'two'],
    ['postgres://u@h:1/x', undefined],
    ['postgres://v@h:7/x', 'a:b\\c:d'],
    ['postgres://u@other/x', undefined],
    ['postgres://u@localhost/x', 'socket'],
    ['postgres:///x?host=/tmp&user=u', 'socket'],
    ['postgres:///x?host=/else&user=u', undefined],
    ['postgres://w@/?host=/else', 'any'],
    ['postgres://u:given@h/x', 'given'],
    ['postgres://u@h/x?password=given', 'given'],
    ['postgres://u@h,other/x', 'one'],
  ])('%s has the password %s', (url, password) => {
    expect(passwordOf(url)).toBe(password)
  })

  test('is for what the variables say, and after PGPASSWORD', () => {
    expect(passwordOf('postgres:///x', { PGHOST: 'h', PGUSER: 'u' })).toBe('one')
    expect(passwordOf('postgres://h/x', { USER: 'u' })).toBe('one')
    expect(passwordOf('postgres://u@h/x', { PGPASSWORD: 'p' })).toBe('p')
  })

  test('can’t give hosts of one URL several passwords', () => {
    expect(() => passwordOf('postgres://u@h,localhost/x')).toThrow(/^(?!.*one|socket).*several/)
  })
})
