import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { parseDatabaseUrl } from '../../../src/config/database_url.ts'

const load = (url: string, env: Record<string, string>) =>
  parseDatabaseUrl(loadConfig({ ...env, DATABASE_URL: url }).databaseUrl!)

describe('PG… variables', () => {
  // With each of these, psql goes to the same place as the same user.
  test.each([
    ['postgres:///', { PGHOST: 'a,b', PGPORT: '1,2' }, 'a 1,b 2', undefined, undefined],
    ['postgres://h/x', { PGHOST: 'a', PGPORT: '7', PGDATABASE: 'y' }, 'h 7', undefined, 'x'],
    ['postgres://h:6/', { PGPORT: '7', PGDATABASE: 'y', PGUSER: 'u' }, 'h 6', 'u', 'y'],
    ['postgres://a:6,b/x', { PGPORT: '7' }, 'a 6,b 5432', undefined, 'x'],
    ['postgres:///x?host=/run', { PGPORT: '7', PGUSER: 'u%' }, '/run 7', 'u%', 'x'],
    ['postgres://v@h/x?user=w', { PGUSER: 'u' }, 'h 5432', 'w', 'x'],
  ])('%s with %j leads where psql goes', (text, env, hosts, user, database) => {
    const url = load(text, env)
    expect([
      url.hosts.map(({ name, port }) => `${name} ${port}`).join(),
      url.user,
      url.database,
    ]).toEqual([hosts, user, database])
  })

  test('say how safe a connection is only where the URL does not', () => {
    const env = { PGSSLMODE: 'verify-full', PGCHANNELBINDING: 'require', PGPASSWORD: 'p&=%' }
    expect(load('postgres://u@h/x', env)).toMatchObject({
      password: 'p&=%',
      parameters: { sslmode: 'verify-full', channel_binding: 'require' },
    })
    const { parameters, password } = load('postgres://u:q@h/x?sslmode=verify-ca&sslrootcert=/c', {
      PGSSLMODE: 'disable',
      PGSSLROOTCERT: '/other',
      PGPASSWORD: 'p',
    })
    expect([password, parameters]).toEqual(['q', { sslmode: 'verify-ca', sslrootcert: '/c' }])
  })

  test.each([
    ['PGSERVICE', 'secret', 'postgres:///x'],
    ['PGHOSTADDR', '10.0.0.1', 'postgres://u:p@h/x'],
    ['PGTARGETSESSIONATTRS', 'primary', 'postgres://u:p@h/x'],
    ['PGREQUIREAUTH', 'scram-sha-256', 'postgres://u:p@h/x'],
    ['PGREQUIREPEER', 'secret', 'postgres://u:p@h/x'],
    ['PGSSLCRL', '/secret', 'postgres://u:p@h/x'],
    ['PGSSLMODE', 'secret', 'postgres://u:p@h/x'],
    ['PGGSSENCMODE', 'require', 'postgres://u:p@h/x'],
    ['PGCHANNELBINDING', 'require', 'postgres://u:p@h/x'],
    ['PGPORT', '0', 'postgres://u:p@h/x'],
  ])('%s=%s ends the start with one line that names it, and no secret', (name, value, url) => {
    expect(() => load(url, { [name]: value })).toThrow(new RegExp(`^(?!.*secret).*${name}.*$`))
    expect(() => loadConfig({ [name]: value, MIGRATE_DATABASE_URL: url })).toThrow(name)
  })

  test('the URL to read from accepts standbys only, unless it says which servers it accepts', () => {
    const urlFor = (DATABASE_READ_URL: string) => loadConfig({ DATABASE_READ_URL }).databaseReadUrl
    expect(urlFor('postgres://a,b/x')).toBe('postgres://a,b/x?target_session_attrs=standby')
    const told = 'postgres://a/x?target_session_attrs=prefer-standby'
    expect(urlFor(told)).toBe(told)
  })

  test('count for nothing where there is no URL, or where they are about a session', () => {
    expect(loadConfig({ PGHOST: 'a', PGHOSTADDR: 'b', PGSSLMODE: 'c' }).databaseUrl).toBeUndefined()
    const url = 'postgres://u:p@h/x'
    const env = { PGTZ: 'UTC', PGCLIENTENCODING: 'LATIN1', PGOPTIONS: '-c x=y', PGPASSFILE: '/x' }
    expect(loadConfig({ ...env, PGSERVICE: 'z', DATABASE_URL: url }).databaseUrl).toBe(url)
  })
})
