/** Behind a proxy that takes a path off: every address is one that those outside can ask for. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { publicPathOf } from '../../../src/config/edge_config.ts'
import { useHttp } from '../../support/http.ts'

const http = useHttp({ publicUrl: 'https://api.example/ledger' })

test('Location leads there', async () => {
  const user = await http.call('POST', '/users')
  const { id } = user.body as { id: number }
  expect(user.headers['location']).toBe(`/ledger/users/${id}`)
  const credit = await http.call('POST', `/users/${id}/credit`, { amount: 1 })
  expect(credit.headers['location']).toBe(`/ledger/users/${id}/history/1`)
  const reversed = await http.call('POST', `/users/${id}/history/1/reverse`)
  expect(reversed.headers['location']).toBe(`/ledger/users/${id}/history/2`)
})

test('so does the type of each problem', async () => {
  const type = (code: string) => `/ledger/docs#${code}`
  expect((await http.call('GET', '/users/4711')).body).toMatchObject({ type: type('unknown_user') })
  expect((await http.call('GET', '/nothing')).body).toMatchObject({ type: type('not_found') })
  const { body } = await http.call('POST', '/debits', [{ user_id: 4711, amount: 1 }])
  expect(body).toMatchObject({ results: [{ type: type('unknown_user') }] })
  const { hostname, port } = new URL(http.service.url)
  const socket = connect(Number(port), hostname)
  socket.end('no HTTP\r\n\r\n')
  let text = ''
  for await (const part of socket) text += String(part)
  expect(JSON.parse(text.split('\r\n\r\n')[1]!)).toMatchObject({ type: type('invalid_request') })
})

test('/docs leads to the document, and that to the service', async () => {
  const { text } = await http.call('GET', '/docs')
  const targets = [...text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(([, target]) => target!)
  expect(targets).toContain('/ledger/openapi.json')
  expect(targets.filter((target) => !target.startsWith('/ledger/'))).toEqual([])
  expect((await http.call('GET', '/openapi.json')).body).toMatchObject({
    servers: [{ url: 'https://api.example/ledger' }],
  })
})

test.each([
  [undefined, ''],
  ['https://api.example', ''],
  ['https://api.example/', ''],
  ['https://api.example/a/b', '/a/b'],
])('the path of %s is %j', (publicUrl, path) => {
  expect(publicPathOf(publicUrl)).toBe(path)
})
