/** How a URL and its files say whether, and how, a connection has TLS. */
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { databaseTarget } from '../../../src/config/database_tls.ts'

describe('databaseTarget()', () => {
  const none = () => {
    throw new Error('ENOENT')
  }

  test.each([
    ['sslmode=verify', /sslmode/],
    ['sslmode=verify-ca', /sslrootcert/],
    ['sslmode=require&sslrootcert=system', /verify-full/],
    ['sslmode=verify-full&sslrootcert=/no/where', /sslrootcert/],
    ['sslmode=require&sslkey=/no/where', /sslkey/],
  ])('refuses %s in one line that names it', (query, message) => {
    const target = () => databaseTarget(`postgres://u:secret@db/ledger?${query}`, none)
    expect(target).toThrow(message)
    expect(target).toThrow(/^DATABASE_URL (?!.*secret).*$/)
  })

  test('without sslmode takes TLS where there is any, but not on this machine', () => {
    const ssl = (host: string) => databaseTarget(`postgres://${host}/ledger`, none).ssl
    expect(['db.example', '10.0.0.1', '[2001:db8::1]'].map(ssl)).toEqual(Array(3).fill('prefer'))
    expect(['localhost', '127.0.0.1', '[::1]'].map(ssl)).toEqual(Array(3).fill(false))
  })

  test('without TLS reads no file, as psql does', () => {
    const query = 'sslrootcert=/no/where&sslcert=/no/where&sslkey=/no/where'
    expect(databaseTarget(`postgres://localhost/ledger?${query}`, none).ssl).toBe(false)
    expect(databaseTarget(`postgres://db/ledger?sslmode=disable&${query}`, none).ssl).toBe(false)
  })

  test.each([
    ['ssl=true', { rejectUnauthorized: false }],
    ['ssl=require', { rejectUnauthorized: false }],
    ['ssl=verify-full', { rejectUnauthorized: true }],
    ['ssl=true&sslmode=verify-full', { rejectUnauthorized: true }],
    ['sslmode=verify-full&channel_binding=require', { rejectUnauthorized: true }],
  ])('takes %s for the TLS that it asks for, on this machine, too', (query, ssl) => {
    expect(databaseTarget(`postgres://localhost/ledger?${query}`, none).ssl).toEqual(ssl)
  })

  test.each([
    'ssl=yes',
    'ssl=verify-full&sslmode=require',
    'ssl=true&sslmode=prefer',
    'sslmode=require&channel_binding=require',
    'sslmode=prefer&sslnegotiation=direct',
    'sslcrl=/etc/crl',
    'sslcertmode=require',
    'ssl_min_protocol_version=TLSv1.3',
    'gssencmode=require',
    'requirepeer=postgres',
  ])('refuses %s rather than to do less', (query) => {
    const named = /^\w+/.exec(query)![0]
    const url = `postgres://db/ledger?${query}`
    expect(() => databaseTarget(url, none)).toThrow(new RegExp(`^DATABASE_URL .*${named}`))
    expect(() => loadConfig({ MIGRATE_DATABASE_URL: url })).toThrow(
      new RegExp(`^MIGRATE_DATABASE_URL .*${named}`),
    )
  })
})
