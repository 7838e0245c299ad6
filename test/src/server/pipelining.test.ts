/** Many requests in one go on one connection, at the server by itself. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listen } from '../../../src/server/http_server.ts'
import { MAX_AT_ONCE } from '../../../src/server/pipelining.ts'
import type { Server } from '../../../src/server/servers.ts'

let server: Server
let client: Socket
let text: string
/** The targets of those that were begun, and what answers the first of them that isn't yet. */
let begun: string[]
let pending: (() => void)[]
/** Whether they are answered at once. */
let isFree: boolean

beforeEach(async () => {
  text = ''
  begun = []
  pending = []
  isFree = false
  server = await listen(async (request) => {
    const { pathname } = new URL(request.url)
    begun.push(pathname)
    const body = request.method === 'POST' ? await request.text() : ''
    if (!isFree) await new Promise<void>((resolve) => pending.push(resolve))
    return new Response(`<${pathname} ${body}>`)
  }, { host: '127.0.0.1', port: 0 })
  client = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
  client.on('data', (chunk) => text += String(chunk))
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  server.cut()
  await server.drain()
})

const get = (n: number) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`
const requests = (count: number) => Array.from({ length: count }, (_, n) => get(n)).join('')
const answers = () => [...text.matchAll(/<(.*?)>/g)].map(([, answer]) => answer!.trim())
const paths = (count: number) => Array.from({ length: count }, (_, n) => `/${n}`)

/** A request on a connection of its own: those that came before it have been begun by then. */
async function another(): Promise<void> {
  isFree = true
  await (await fetch(`${server.url}/other`)).text()
  isFree = false
  begun.splice(begun.indexOf('/other'), 1)
}

test('only so many of a connection are begun, and others have their turn meanwhile', async () => {
  client.write(requests(20_000))
  await expect.poll(() => begun.length).toBe(MAX_AT_ONCE)
  for (let n = 0; n < 3; n++) await another()
  expect(begun).toEqual(paths(MAX_AT_ONCE))
  pending.shift()!()
  await expect.poll(answers).toEqual(['/0'])
  await expect.poll(() => begun).toEqual(paths(MAX_AT_ONCE + 1))
})

test('all of them are answered, in order', async () => {
  const count = 5_000
  client.write(requests(count))
  await expect.poll(() => begun.length).toBe(MAX_AT_ONCE)
  isFree = true
  for (const answer of pending.splice(0)) answer()
  await expect.poll(() => answers().length).toBe(count)
  expect(answers()).toEqual(paths(count))
})

test('one whose body comes late holds up nobody else, and is read', async () => {
  client.write(requests(MAX_AT_ONCE + 3))
  client.write('POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc')
  await expect.poll(() => begun.length).toBe(MAX_AT_ONCE)
  client.write(`def${get(7)}`)
  await another()
  isFree = true
  for (const answer of pending.splice(0)) answer()
  await expect.poll(() => answers().slice(MAX_AT_ONCE + 3)).toEqual(['/body abcdef', '/7'])
})

test('nothing is begun for a client that has gone away', async () => {
  client.write(requests(100))
  await expect.poll(() => begun.length).toBe(MAX_AT_ONCE)
  client.resetAndDestroy()
  await another()
  for (const answer of pending.splice(0)) answer()
  await server.drain()
  expect(begun).toEqual(paths(MAX_AT_ONCE))
})
