import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { describeDatabaseUrl, parseDatabaseUrl } from '../../../src/config/database_url.ts'

const hostsOf = (text: string) =>
  parseDatabaseUrl(text).hosts.map(({ name, port }) => `${name} ${port}`)

describe('parseDatabaseUrl()', () => {
  // With each of these, psql -c '\conninfo' goes to the same places.
  test.each([
    ['postgres://db/x', ['db 5432']],
    ['postgresql://u:p@db:6543/x', ['db 6543']],
    ['postgres://a,b/x', ['a 5432', 'b 5432']],
    ['postgres://u@a:1,b:2,c/x?connect_timeout=3', ['a 1', 'b 2', 'c 5432']],
    ['postgres://u@[::1]:6543,[2001:db8::1]/x', ['::1 6543', '2001:db8::1 5432']],
    ['postgres:///x?host=a,b&port=1,2', ['a 1', 'b 2']],
    ['postgres:///x?host=a,b&port=7', ['a 7', 'b 7']],
    ['postgres://ignored:7/x?host=a', ['a 7']],
    ['postgres:///x?host=/run/postgresql', ['/run/postgresql 5432']],
    ['postgres:///x?host=/run/postgresql&port=5433', ['/run/postgresql 5433']],
    ['postgres://%2Frun%2Fpostgresql:5433/x', ['/run/postgresql 5433']],
    ['postgres:///x', ['/var/run/postgresql 5432', '/tmp 5432', 'localhost 5432']],
  ])('%s leads to %j', (text, hosts) => {
    expect(hostsOf(text)).toEqual(hosts)
  })

  test.each([
    ['postgres://u:p%40ss%2F%25@db/x', 'u', 'p@ss/%', 'x'],
    ['postgres://u:a#b?c@db/x', 'u', 'a#b?c', 'x'],
    ['postgres://u:p@ss@db/x', 'u', 'p@ss', 'x'],
    ['postgres://u:a:b@db/x', 'u', 'a:b', 'x'],
    ['postgres://u@db/a%20b', 'u', undefined, 'a b'],
    ['postgres://db?user=u&password=a+b%26&dbname=x', 'u', 'a+b&', 'x'],
    ['postgres://u:p@db/x?user=v&dbname=y', 'v', 'p', 'y'],
    ['postgres://db', undefined, undefined, undefined],
  ])('%s says who, with what password, and which database', (text, user, password, database) => {
    const url = parseDatabaseUrl(text)
    expect([url.user, url.password, url.database]).toEqual([user, password, database])
  })

  test('takes any user, password and database that are encoded', () => {
    const word = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) =>
      !text.includes('\0')
    )
    fc.assert(fc.property(word, word, word, (user, password, database) => {
      const text = [user, password, database].map(encodeURIComponent)
      expect(parseDatabaseUrl(`postgres://${text[0]}:${text[1]}@db:1/${text[2]}`))
        .toMatchObject({ user, password, database, hosts: [{ name: 'db', port: 1 }] })
    }))
  })

  test('takes what hosts of databases put into their URLs', () => {
    for (
      const query of [
        'gssencmode=disable',
        'pgbouncer=true',
        'keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5',
        'tcp_user_timeout=10000',
        'application_name=billing&fallback_application_name=x',
        'options=-csearch_path%3Dledger',
        'options=endpoint=quiet-1',
        'connect_timeout=10&client_encoding=UTF8&load_balance_hosts=random',
        'channel_binding=prefer&sslmode=require&sslnegotiation=direct&sslsni=1',
        'sslmode=&application_name=',
      ]
    ) expect(() => parseDatabaseUrl(`postgres://u:p@a,b/x?${query}`)).not.toThrow()
    expect(parseDatabaseUrl('postgres://a,b/x?target_session_attrs=read-write').attributes)
      .toBe('read-write')
    expect(parseDatabaseUrl('postgres://a/x?pgbouncer=true').isPooled).toBe(true)
  })

  test.each([
    ['postgres://u:secret%@db/x', /%.*password.*%25/],
    ['postgres://u:secret%zz@db/x', /password/],
    ['postgres://u:secret%00@db/x', /password/],
    ['postgres://u:secret@db:0/x', /port/],
    ['postgres://u:secret@db:65536/x', /port/],
    ['postgres://u:secret@db:5432x/x', /port/],
    ['postgres://u:secret@a,b:1,c:2/x?port=1,2', /port/],
    ['postgres://u:secret@a,,b/x', /host/],
    ['postgres://u:secret@a b/x', /host/],
    ['postgres://u:secret@db/x?schema=public', /schema/],
    ['postgres://u:secret@db/x?statement_timeout=5', /statement_timeout/],
    ['postgres://u:secret@db/x?passfile=secret', /passfile/],
    ['postgres://u:secret@db/x?require_auth=scram-sha-256', /require_auth/],
    ['postgres://u:secret@db/x?hostaddr=10.0.0.1', /hostaddr/],
    ['postgres://u:secret@db/x?SSLMODE=require', /SSLMODE/],
    ['postgres://u:secret@db/x?constructor=1', /constructor/],
    ['postgres://u:secret@db/x?target_session_attrs=writable', /target_session_attrs/],
    ['postgres://u:secret@db/x?keepalives_idle=secret', /keepalives_idle/],
    ['postgres://u:secret@db/x?client_encoding=LATIN1', /client_encoding/],
    ['postgres://u:secret@db/x?pgbouncer=1', /pgbouncer/],
    ['postgres://u:secret@db/x?sslmode=verify', /sslmode/],
    ['mysql://u:secret@db/x', /postgres:\/\//],
  ])('%s ends the start with one line that names what is wrong, and no secret', (text, message) => {
    const load = () => loadConfig({ DATABASE_URL: text })
    expect(load).toThrow(message)
    expect(load).toThrow(/^DATABASE_URL (?!.*secret).*$/)
    expect(() => loadConfig({ MIGRATE_DATABASE_URL: text })).toThrow(/^MIGRATE_DATABASE_URL /)
  })
})

test('describeDatabaseUrl() shows where it goes, and nothing secret', () => {
  expect([
    'postgres://u:secret@a:1,[::1]/x?password=secret&sslmode=require',
    'postgres:///x?host=/run/postgresql&user=u&password=secret',
  ].map(describeDatabaseUrl)).toEqual([
    'postgres://u@a:1,[::1]:5432/x?sslmode=require',
    'postgres://u@/run/postgresql/x',
  ])
})
