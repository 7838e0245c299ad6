/** Histories and statements, read and checked by the client. */
import { expect, test } from 'vitest'
import { StatementError } from '../../../client/ledger.ts'
import { clientWith, http, type Reply } from './service.ts'

async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of all) values.push(value)
  return values
}

test('a history is read page by page, to its end', async () => {
  const id = await http.user('100')
  const { client, keys } = clientWith([])
  for (let n = 0; n < 6; n++) await client.debitUser(id, { amount: 1 })
  keys.length = 0
  const entries = await collected(client.eachEntry(id, { limit: 3 }))
  expect(entries.map(({ seq }) => seq)).toEqual([7, 6, 5, 4, 3, 2, 1])
  expect(keys).toHaveLength(3)
  const users = await collected(client.eachUser({ limit: 2 }))
  expect(users.map((user) => user.id)).toContain(id)
})

test('without fromStandby no read has a min_seq', async () => {
  const id = await http.user('100')
  const { client, asked } = clientWith([])
  await client.debitUser(id, { amount: 1 })
  await client.listEntries(id)
  expect(asked.at(-1)).toBe(`/users/${id}/history`)
})

test('with fromStandby reads of a history name the last entry that was answered', async () => {
  const [id, peer] = [await http.user('100'), await http.user('100')]
  const { client, asked } = clientWith([], { fromStandby: true })
  const last = async (read: Promise<unknown> | AsyncIterable<unknown>) => {
    await (Symbol.asyncIterator in read ? collected(read) : read)
    return asked.at(-1)
  }
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history`)
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=1`)
  await client.debitUser(id, { amount: 1, metadata: { id: peer, seq: 99 } })
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.eachEntry(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.getBalanceAt(id))).toBe(`/users/${id}/balance?min_seq=2`)
  expect(await last(client.statement(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.statementCsv(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.listEntries(id, { min_seq: 1 }))).toBe(`/users/${id}/history?min_seq=1`)
  // Of lists, too, and an older answer takes nothing back.
  await client.postOperations([{ kind: 'transfer', from: id, to: peer, amount: 1 }])
  await client.listEntries(id, { before: 2 })
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=3`)
  expect(await last(client.listEntries(peer))).toBe(`/users/${peer}/history?min_seq=2`)
})

test('an entry that a restored database lacks is forgotten', async () => {
  const id = await http.user('100')
  const answered = JSON.stringify({ id, seq: 50, balance: '1.00' })
  const { client, asked } = clientWith([new Response(answered)], { fromStandby: true })
  await client.getUser(id)
  expect((await client.listEntries(id)).entries).toHaveLength(1)
  expect(asked.slice(-2))
    .toEqual([`/users/${id}/history?min_seq=50`, `/users/${id}/history`])
  await client.listEntries(id)
  expect(asked.at(-1)).toBe(`/users/${id}/history?min_seq=1`)
})

/** A history with all that goes into a hash. */
async function history(): Promise<number> {
  const [id, peer] = [await http.user('1000.00'), await http.user()] as const
  const metadata = String
    .raw`{"é💶": 1.10, "a": [1e30, "\u2028\n", {"metadata": {"seq": 9}}], "q": "\"}"}`
  const { sql } = http
  await sql`select debit_user(${id}, 0.01, 'k"metadata":{1', ${metadata}::text::jsonb)`
  await sql`select transfer(${id}, ${peer}, 100.50, 't', '{}')`
  await sql`select place_hold(${id}, 60)`
  await sql`select credit_user(${id}, 9999999999.99)`
  await sql`select capture_hold(${id}, 1, 12.34)`
  await sql`select reverse_entry(${id}, 2)`
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${id}, 'DEBIT', 9999999999.99, '0850-01-01'), (${id}, 'DEBIT', 10000, '1999-12-31')`
  await sql`select recalculate_balance(${id})`
  return id
}

/** The service's answer, changed. */
const changed = (change: (text: string) => string): Reply => async (url, init) => {
  const response = await fetch(url, init)
  return new Response(change(await response.text()), response)
}

test('the hashes of a statement are checked', async () => {
  const id = await history()
  const { client } = clientWith([])
  const lines = await collected(client.statement(id))
  expect(lines).toHaveLength(10)
  const rest = await collected(client.statement(id, { after: 5 }))
  expect(rest.slice(1)).toEqual(lines.slice(6))
})

const CHANGES: [string, (text: string) => string][] = [
  ['another amount', (text) => text.replace('"amount":"0.01"', '"amount":"0.02"')],
  ['metadata written another way', (text) => text.replace('1.10', '1.1')],
  ['an entry left out', (text) => text.split('\n').toSpliced(3, 1).join('\n')],
  ['the last entry left out', (text) => text.split('\n').toSpliced(-3, 1).join('\n')],
  ['no closing line', (text) => text.split('\n').toSpliced(-2, 1).join('\n')],
  ['half of the closing line', (text) => text.slice(0, -20)],
  ['a line behind the closing line', (text) => text + text.split('\n')[0] + '\n'],
]

test.each(CHANGES)('a statement with %s is a StatementError', async (_, change) => {
  const id = await history()
  const { client } = clientWith([changed(change)])
  await expect(collected(client.statement(id))).rejects.toBeInstanceOf(StatementError)
})

test('CSV without its closing line is a StatementError', async () => {
  const id = await history()
  const whole = await collected(clientWith([]).client.statementCsv(id))
  expect(whole).toHaveLength(11)
  const cut = changed((text) => text.slice(0, text.indexOf('closing,') + 20))
  const error = await collected(clientWith([cut]).client.statementCsv(id))
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(StatementError)
  expect((error as StatementError).seq).toBe(8)
})
