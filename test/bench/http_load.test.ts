/** Whether the load generator says what a server did to those who waited. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { runHttpLoad } from './http_load.ts'
import type { Stream } from './load.ts'

const STALL_MS = 400
const USERS = { first: 7, count: 3 }

let server: Server

afterEach(() => {
  server.close()
  server.closeAllConnections()
})

/** A server of this, and a stream of requests to it. */
async function serve(listener: RequestListener, stream: Partial<Stream> = {}): Promise<Stream> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, request: 'debit', users: USERS, connections: 1, ...stream }
}

const userOf = (url = '') => Number(/^\/users\/(\d+)/.exec(url)?.[1])

/** What a debit is answered, as far as anybody reads it. */
const answer = (id: number, seq: number) => JSON.stringify({ id, balance: '1.00', seq })

/** Answers debits, the first of them late. */
function stalling(): RequestListener {
  let seq = 0
  return (incoming, outgoing) => {
    incoming.resume()
    const text = answer(userOf(incoming.url), ++seq)
    const end = () => outgoing.writeHead(201, { 'content-length': text.length }).end(text)
    if (seq === 1) setTimeout(end, STALL_MS)
    else end()
  }
}

test('an open loop counts how long those waited who came while the server stood still', async () => {
  const stream = await serve(stalling(), { arrivals: 200 })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.4 })
  // Nearly all were due during the stall; only the first of them was sent.
  expect(measured!.good).toBeGreaterThan(50)
  expect(measured!.p50_ms).toBeGreaterThan(STALL_MS / 4)
})

test('a closed loop has one request at a time on each connection', async () => {
  const most = { now: 0, ever: 0 }
  const stream = await serve((incoming, outgoing) => {
    incoming.resume()
    most.ever = Math.max(most.ever, ++most.now)
    const text = answer(userOf(incoming.url), 1)
    setImmediate(() => {
      most.now--
      outgoing.writeHead(201, { 'content-length': text.length }).end(text)
    })
  }, { connections: 4 })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.2 })
  expect(measured!.statuses).toEqual({ 201: measured!.good })
  expect(measured!.acks.users).toHaveLength(measured!.good)
  expect(new Set(measured!.acks.users)).toEqual(new Set([7, 8, 9]))
  expect(most.ever).toBeGreaterThan(1)
  expect(most.ever).toBeLessThanOrEqual(4)
})

test('an answer in pieces is one answer', async () => {
  const text = answer(7, 5)
  const stream = await serve((incoming, outgoing) => {
    incoming.resume()
    outgoing.writeHead(201, { 'content-length': text.length }).flushHeaders()
    setImmediate(() => {
      outgoing.write(text.slice(0, 9))
      setImmediate(() => outgoing.end(text.slice(9)))
    })
  }, { users: { first: 7, count: 1 } })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.2 })
  expect(measured!.good).toBeGreaterThan(0)
  expect([...new Set(measured!.acks.seqs)]).toEqual([5])
})

test('other answers are counted by their status, lost connections as lost', async () => {
  let n = 0
  const stream = await serve((incoming, outgoing) => {
    incoming.resume()
    if (++n === 2) incoming.socket.destroy()
    else outgoing.writeHead(503, { 'content-length': 0 }).end()
  }, { connections: 2 })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.2 })
  expect(measured!.good).toBe(0)
  expect(measured!.acks.users).toHaveLength(0)
  expect(measured!.statuses).toEqual({ 503: expect.any(Number), lost: 1 })
})

test('of a transfer, the entry of who gives is acknowledged', async () => {
  const bodies: string[] = []
  const stream = await serve((incoming, outgoing) => {
    incoming.setEncoding('utf8').on('data', (body: string) => {
      bodies.push(body)
      const { from, to } = JSON.parse(body) as { from: number; to: number }
      const text = `{"from":${answer(from, 3)},"to":${answer(to, 4)}}`
      outgoing.writeHead(201, { 'content-length': text.length }).end(text)
    })
  }, { request: 'transfer' })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.2 })
  expect(new Set(measured!.acks.seqs)).toEqual(new Set([3]))
  for (const body of bodies) {
    const { from, to } = JSON.parse(body) as { from: number; to: number }
    expect([7, 8, 9]).toContain(from)
    expect([7, 8, 9]).toContain(to)
    expect(from).not.toBe(to)
  }
})

test('a target is for one request, and with the last of them the time is over', async () => {
  const paths: string[] = []
  const targets = { users: Uint32Array.from([7, 8, 7, 9]), refs: Uint32Array.from([1, 1, 2, 5]) }
  const stream = await serve((incoming, outgoing) => {
    incoming.resume()
    paths.push(incoming.url!)
    const text = answer(userOf(incoming.url), 1)
    // So slowly that the last of them comes after the ramp.
    setTimeout(() => outgoing.writeHead(200, { 'content-length': text.length }).end(text), 120)
  }, { request: 'release', targets })
  const [measured] = await runHttpLoad({ kind: 'http', streams: [stream], seconds: 10 })
  expect(paths).toEqual([
    '/users/7/holds/1/release',
    '/users/8/holds/1/release',
    '/users/7/holds/2/release',
    '/users/9/holds/5/release',
  ])
  expect(measured!.good).toBe(4)
})

test('an answer about somebody else fails the job', async () => {
  const text = answer(99, 1)
  const stream = await serve((incoming, outgoing) => {
    incoming.resume()
    outgoing.writeHead(201, { 'content-length': text.length }).end(text)
  })
  await expect(runHttpLoad({ kind: 'http', streams: [stream], seconds: 0.2 }))
    .rejects.toThrow('not user')
})
