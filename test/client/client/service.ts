/** The service of client.test.ts, and clients that get other answers first. */
import { createLedgerClient } from '../../../client/ledger.ts'
import { useHttp } from '../../support/http.ts'

export const http = useHttp()

type Fetch = typeof globalThis.fetch
export type Reply = (...request: Parameters<Fetch>) => Promise<Response>

/** Answers with each of these in turn, and then as the service does. */
export function clientWith(replies: (Reply | Response)[], options = {}) {
  const keys: (string | null)[] = []
  const asked: string[] = []
  const client = createLedgerClient({
    url: `${http.service.url}/`,
    ...options,
    fetch: async (url, init) => {
      asked.push(new Request(url).url.replace(http.service.url, ''))
      keys.push(new Headers(init?.headers).get('idempotency-key'))
      const reply = replies.shift()
      return reply instanceof Response ? reply : await (reply ?? fetch)(url, init)
    },
  })
  return { client, keys, asked }
}
