/**
 * What node:http of Deno does where src/server/deno_http.ts mends it: prints a line of JSON. Run by
 * deno_http.test.ts in a process of its own, where nothing is mended.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import process from 'node:process'

/** For an event that may never come. */
const SILENCE_MS = 500

const server = createServer((_request, response) => void response.end())
server.on('clientError', () => {})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

/** Both ends of a new connection. */
async function open(): Promise<[client: Socket, atServer: Socket]> {
  const accepted = once(server, 'connection')
  const client = connect(port, '127.0.0.1')
  const [atServer] = await accepted as [Socket]
  return [client, atServer]
}

const [bad] = await open()
bad.write('this is not HTTP\r\n\r\n')
await once(server, 'clientError')
const [, next] = await open()
bad.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
const [{ socket }] = await Promise.race([
  once(server, 'request'),
  once(server, 'clientError').then(() => [{ socket: undefined }]),
])

const [cut] = await open()
cut.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
await once(server, 'request')
const errors: unknown[] = []
server.on('clientError', (error) => errors.push(error))
cut.end()
await new Promise((resolve) => setTimeout(resolve, SILENCE_MS))

const key = Object.getOwnPropertySymbols(server)
  .find(({ description }) => description === 'http.server.connections')
const { _active: active } =
  (server as unknown as Record<symbol, { _active: Map<unknown, unknown> }>)[
    key!
  ]!
const [good, atServer] = await open()
good.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
await once(server, 'request')
const wasActive = active.has(atServer)
await new Promise((resolve) => setTimeout(resolve, SILENCE_MS))

console.log(JSON.stringify({
  requestOfAnother: socket === next,
  cutRequestIsNoError: !errors.some((error) => error instanceof Error),
  entryLeavesWithItsRequest: wasActive && !active.has(atServer),
}))
process.exit(0)
