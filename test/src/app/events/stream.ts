/** Events as a stream. */
import { describe, expect, test } from 'vitest'
import { createLedgerClient, type FollowedEvent } from '../../../../client/ledger.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { connectTo } from '../../../support/ledger.ts'
import { get, http, id, namesOf, now, readAll } from './service.ts'

describe('a stream', () => {
  const client = () => createLedgerClient({ url: http.service.url })

  /** So many events of a stream. */
  async function take(stream: AsyncIterable<FollowedEvent>, count: number) {
    const events: FollowedEvent[] = []
    for await (const event of stream) if (events.push(event) === count) break
    return events
  }

  test('goes on with what happens, and from where it was left', async () => {
    await http.sql`select debit_user(${id}, 1)`
    const stream = client().events({ after: now })
    const first = (await stream.next()).value as FollowedEvent
    const second = stream.next()
    await http.sql`select debit_user(${id}, 2)`
    expect(namesOf([first, (await second).value as FollowedEvent]))
      .toEqual([`entry.posted ${id}/2`, `entry.posted ${id}/3`])
    await stream.return(undefined)
    await http.sql`select debit_user(${id}, 3)`
    expect(namesOf(await take(client().events({ after: first.cursor }), 2)))
      .toEqual([`entry.posted ${id}/3`, `entry.posted ${id}/4`])
  })

  test('is taken up again behind the last event that came whole', async () => {
    const sql = connectTo(http.service.database.url)
    let connections = 0
    const cutting = createLedgerClient({
      url: http.service.url,
      fetch: async (url, init) => {
        connections++
        const response = await fetch(url, init)
        if (connections > 3) return response
        // Breaks off within the second event.
        let rest = 2
        const cut = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            if (rest-- > 0) return controller.enqueue(chunk)
            controller.enqueue(chunk.slice(0, chunk.length / 2))
            controller.error(new Error('cut'))
          },
        })
        return new Response(response.body!.pipeThrough(cut), response)
      },
    })
    const events = take(cutting.events({ after: now }), 30)
    for (let n = 0; n < 30; n++) await sql`select debit_user(${id}, 1), pg_sleep(0.01)`
    expect(namesOf(await events))
      .toEqual(Array.from({ length: 30 }, (_, n) => `entry.posted ${id}/${n + 2}`))
    expect(connections).toBeGreaterThan(1)
    await sql.end()
  })

  test('says no place behind events that it has not sent yet', async () => {
    await http.sql`select debit_user(${id}, 1)`
    const controller = new AbortController()
    const response = await fetch(`${http.service.url}/events`, {
      headers: { Accept: 'text/event-stream', 'Last-Event-ID': now },
      signal: controller.signal,
    })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('\ndata:')) text += (await reader.read()).value!
    expect(text).toMatch(/^retry: 1000\n\nid: \S+\nevent: entry\.posted\ndata: /)
    controller.abort()
    await reader.closed.catch(() => {})
  })

  test('takes conditions, and says where it is in what it leaves out', async () => {
    const other = await http.user(1)
    const controller = new AbortController()
    const response = await fetch(`${http.service.url}/events?user=${other}&after=${now}`, {
      headers: { Accept: 'text/event-stream' },
      signal: controller.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('data:')) text += (await reader.read()).value!
    expect(text).toMatch(
      /^retry: 1000\n\nid: \S+\nevent: entry\.posted\ndata: \{.*\}\n\n$/,
    )
    controller.abort()
    await reader.closed.catch(() => {})
  })

  test('begins behind Last-Event-ID, whatever the query says', async () => {
    await http.sql`select debit_user(${id}, 1)`
    const { next } = await readAll(now)
    const headers = { 'Last-Event-ID': next, Accept: 'application/json' }
    expect((await get(`after=${now}`, headers)).body).toMatchObject({ events: [], next })
    const message = 'must be `next` of a page, the id of an event, or now'
    expectProblem(
      await get('', { 'Last-Event-ID': 'x' }),
      'invalid_request',
      invalid('Last-Event-ID', message),
    )
  })

  test('is a problem before it begins where its cursor is no good', async () => {
    const headers = { Accept: 'text/event-stream' }
    expectProblem(await get(`after=9-${'a'.repeat(16)}`, headers), 'cursor_gone')
    expect((await http.call('HEAD', '/events', undefined, headers)).status).toBe(200)
  })
})
