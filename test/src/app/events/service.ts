/** The service of events.test.ts, and pages of its events. */
import { beforeEach, expect } from 'vitest'
import type { Event } from '../../../../client/api.ts'
import { useHttp } from '../../../support/http.ts'

export const http = useHttp()

interface Page {
  events: Event[]
  next: string
  has_more: boolean
}

export const get = (query: string, headers = {}) =>
  http.call('GET', `/events?${query}`, undefined, headers)

/** One page; what is read can be gone on from. */
export async function pageOf(query: string): Promise<Page> {
  const response = await get(query)
  expect(response.status, response.text).toBe(200)
  return response.body as Page
}

/** Pages until there is no more. */
export async function readAll(
  after: string,
  query = '',
): Promise<{ events: Event[]; next: string }> {
  const events: Event[] = []
  for (let next = after;;) {
    const page = await pageOf(`after=${next}${query}`)
    events.push(...page.events)
    next = page.next
    if (!page.has_more) return { events, next }
  }
}

export const namesOf = (events: Event[]) =>
  events.map(({ type, user_id, data }) =>
    `${type} ${user_id}/${'seq' in data ? data.seq : data.number}`
  )

/** The end of what there is. */
export let now: string
export let id: number
beforeEach(async () => {
  id = await http.user(100)
  ;({ next: now } = await readAll((await pageOf('')).next))
})
