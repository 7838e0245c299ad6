/** A Redis that misbehaves, or is shared. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { serve, startTestService } from '../../support/service.ts'
import { cachedOnBoth, first, newUser, post, read, second, until } from './instances.ts'

/** An instance whose Redis behaves as told; `served` counts what it was asked. */
async function withRedis(url: string, work: (service: Service) => Promise<void>): Promise<void> {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: first.database.serviceUrl,
    redis: { url, token: 'secret' },
  })
  try {
    await work(service)
  } finally {
    await service.stop()
  }
}

const html = '<html><body>502 Bad Gateway</body></html>'

test.each([
  ['refuses', undefined],
  ['hangs', () => {}],
  ['answers HTML', (end: (status: number, body: string) => void) => end(502, html)],
  ['answers HTML as a success', (end: (status: number, body: string) => void) => end(200, html)],
])('when Redis %s, reads are right, and debits work', async (_, answer) => {
  const server = createServer((_request, response) =>
    answer?.((status, body) => response.writeHead(status).end(body))
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  if (!answer) await new Promise((resolve) => server.close(resolve))
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await withRedis(`http://127.0.0.1:${port}`, async ({ url }) => {
    for (const balance of ['9.00', '8.00', '7.00', '6.00']) {
      expect(await post(url, id, 'debit', '1')).toBe(201)
      expect(await read(url, id)).toEqual({ balance, cache: 'bypass' })
    }
    // Whoever can reach Redis learns of what this instance could not write there.
    await until(async () => (await read(second.url, id)).balance === '6.00')
    await until(async () => (await read(first.url, id)).balance === '6.00')
  })
  server.closeAllConnections()
  server.close()
})

test('two ledgers on one Redis never see one another', async () => {
  const other = await startTestService({ redis: first.redis })
  const admin = postgres(other.database.url, { max: 1, onnotice: () => {} })
  try {
    const id = await newUser()
    await admin`insert into users (id) values (${id}) on conflict do nothing`
    await post(first.url, id, 'credit', '10')
    await cachedOnBoth(id, '10.00')
    await until(async () => (await read(other.url, id)).cache === 'hit')
    expect(await read(other.url, id)).toEqual({ balance: '0.00', cache: 'hit' })
    await post(other.url, id, 'credit', '3')
    expect(await read(other.url, id)).toEqual({ balance: '3.00', cache: 'hit' })
    expect(await read(first.url, id)).toEqual({ balance: '10.00', cache: 'hit' })
  } finally {
    await admin.end()
    await other.close()
  }
})
