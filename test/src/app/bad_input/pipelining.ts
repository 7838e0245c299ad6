/** Several requests on one connection. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { expectNothingWritten } from '../../../support/http.ts'
import { historyOf } from '../../../support/ledger.ts'
import { answersIn, BODY, CLOSE, DEBIT, HOST, http, JSON_TYPE, LIVE, send } from './connection.ts'

test('requests one after the other without waiting are answered in order', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(
    debit + `GET /nothing HTTP/1.1\r\n${HOST}\r\n` + debit + `GET /livez HTTP/1.1\r\n${HOST}\r\n` +
      debit + LIVE,
  )
  expect(answers.map(({ status }) => status)).toEqual([201, 404, 201, 200, 201, 200])
  expect(answers.map(({ body }) => /"balance":"(\d+\.00)"/.exec(body)?.[1]).filter(Boolean))
    .toEqual(['9.00', '8.00', '7.00'])
})

test('garbage after a request does not get in front of its answer', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(`${debit}garbage\r\n\r\n`)
  expect(answers.map(({ status }) => status)).toEqual([201, 400])
  expect(await historyOf(http.sql, id)).toEqual(['+10.00=10.00', '-1.00=9.00'])
})

test('one who has said all and still listens gets the answer', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(debit + debit, { half: true })
  expect(answers.map(({ status }) => status)).toEqual([201, 201])
  expect(await historyOf(http.sql, id)).toEqual(['+10.00=10.00', '-1.00=9.00', '-1.00=8.00'])
})

test('what comes after a refusal is no request, nor part of one on another connection', async () => {
  const { hostname, port } = new URL(http.service.url)
  const open = async () => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const one = { socket, text: '' }
    socket.setEncoding('latin1').on('data', (text: string) => one.text += text)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return one
  }
  const refused = [await open(), await open(), await open()]
  for (const { socket } of refused) socket.write('GET /\0 HTTP/1.1\r\n\r\n')
  await vi.waitUntil(() => refused.every(({ text }) => text.endsWith('}')), { interval: 5 })
  const others = [await open(), await open(), await open()]
  for (const { socket } of others) socket.write(`GET /livez HTTP/1.1\r\n${HOST}X-A: `)
  await expectNothingWritten(http, async () => {
    const more = `a\r\n\r\n${DEBIT}Content-Length: 12\r\n\r\n${BODY}`
    for (const { socket } of refused) socket.write(more)
    // Until the service has closed them.
    await vi.waitUntil(() => {
      for (const { socket } of refused) socket.write('\r\n')
      return refused.every(({ socket }) => socket.destroyed)
    })
    expect(others.map(({ text }) => text)).toEqual(['', '', ''])
    for (const { socket } of others) socket.write(`b\r\n${CLOSE}\r\n`)
    await Promise.all(others.map(({ socket }) => once(socket, 'end')))
  })
  for (const { socket, text } of others) {
    expect(answersIn(text)).toMatchObject([{ status: 200, body: '{"status":"live"}' }])
    socket.destroy()
  }
})

test.each<[string, (size: number) => string]>([
  ['a long name that is there twice', (size) => {
    const name = '\\u0001'.repeat(size / 6)
    return `[{"${name}":{${'"a":1,'.repeat(30)}"a":1}}]`
  }],
  ['a long name that is unknown', (size) => `[{"${'\\"'.repeat(size / 2)}":1}]`],
  [
    'many names that are unknown',
    (size) => `[{${Array.from({ length: size / 12 }, (_, n) => `"a${n}":1`).join(',')}}]`,
  ],
  ['many items that are wrong', (size) => `[${'[],'.repeat(size / 3)}[]]`],
  ['faults under long names inside of one another', (size) => {
    const names = Array.from({ length: 500 }, () => `{"${'é'.repeat(size / 2000)}":`).join('')
    return `[${names}{${'"a":1,'.repeat(30)}"a":1}${'}'.repeat(500)}]`
  }],
])('the answer to %s is short', async (_, bodyOf) => {
  await expectNothingWritten(http, async () => {
    for (const path of ['/debits', '/users/1/debit', '/users', '/transfers']) {
      const body = bodyOf(path === '/debits' ? 1_000_000 : 60_000)
      const { status, text } = await http.call('POST', path, body)
      expect(status).toBe(400)
      expect(text.length).toBeLessThan(32_768)
      expect(JSON.parse(text).errors.length).toBeLessThanOrEqual(20)
    }
  })
})
