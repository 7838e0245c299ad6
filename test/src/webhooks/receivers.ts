/** Receivers of webhooks for tests: real servers that check signatures. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'

export const SECRET = `whsec_${btoa('a secret of 24 bytes.....'.slice(0, 24))}`
export const OTHER_SECRET = `whsec_${btoa('another of 24 bytes......'.slice(0, 24))}`

export interface Received {
  id: string
  /** The path that it came to. */
  path: string
  message: { id: string; type: string; user_id: number; data: Record<string, unknown> }
}

export interface Receiver {
  url: string
  /** What was taken, in the order in which it came. */
  taken: Received[]
  /** The ids of all that came. */
  attempts: string[]
  /** Instead of 204; undefined as a result: no response. */
  respond: (received: Received) => number | undefined | Promise<number>
  close(): void
}

/** Takes what is signed with this secret; what isn't throws, and is not responded to. */
export async function startReceiver(secret = SECRET): Promise<Receiver> {
  const server = createServer((request, response: ServerResponse) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => body += chunk)
    const responding = async () => {
      const headers = request.headers as Record<string, string>
      const message = new Webhook(secret).verify(body, headers) as Received['message']
      const received = { id: headers['webhook-id']!, path: request.url!, message }
      receiver.attempts.push(received.id)
      const status = await receiver.respond(received)
      if (status === undefined) return
      if (status < 300) receiver.taken.push(received)
      response.writeHead(status, { Location: '/elsewhere', 'Retry-After': '0' }).end('x')
    }
    request.on('end', () => void responding())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    taken: [],
    attempts: [],
    respond: () => 204,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return receiver
}

/** A file of webhooks, which can be changed. */
export function webhooksFile(receivers: object[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-webhooks-'))
  const path = join(folder, 'webhooks.json')
  const write = (now: object[]) => {
    writeFileSync(`${path}.new`, JSON.stringify(now))
    renameSync(`${path}.new`, path)
  }
  write(receivers)
  return { path, write, remove: () => rmSync(folder, { recursive: true }) }
}
