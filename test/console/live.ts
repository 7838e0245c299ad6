/** What happens meanwhile is shown: by events, or where there are none, by asking. */
import type { Page, Request } from 'playwright-core'
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'

const isStream = (request: Request) => request.headers()['accept'] === 'text/event-stream'

/** A page of its own, whose time a test can put forward. */
async function openUser(id: number, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const page = await shown.page.context().newPage()
  await page.clock.install()
  await prepare?.(page)
  await page.goto(`${http.service.url}/console#/users/${id}`)
  await page.getByText('1,000.00').first().waitFor()
  return page
}

const isLive = (page: Page) => page.getByText('Live', { exact: true }).waitFor()

test('what somebody else does is shown by events, and nothing is asked for while nothing happens', async () => {
  const id = await http.user('1000')
  const page = await openUser(id)
  await isLive(page)
  await http.sql`select debit_user(${id}, 1.25)`
  await page.getByText('998.75').first().waitFor()
  await expect.poll(() => page.locator('.entries tbody tr').count()).toBe(2)
  // A hold that is extended changes no figure of the user.
  await http.sql`select place_hold(${id}, 1, 1800)`
  await page.getByText('expires').waitFor()
  await http.sql`select extend_hold(${id}, 1, null)`
  await page.getByText('expires').waitFor({ state: 'detached' })
  let asked = 0
  page.on('request', () => asked++)
  const askedIn = async (ms: number) => {
    asked = 0
    await page.clock.runFor(ms)
    return asked
  }
  // Once what the last event asked for has come.
  await expect.poll(() => askedIn(15_000)).toBe(0)
  await page.close()
})

test('the end of a hold, which is no event, is shown when its time is over', async () => {
  const id = await http.user('1000')
  await http.sql`select place_hold(${id}, 10, 1)`
  const page = await openUser(id)
  await isLive(page)
  await page.getByText('No active holds.').waitFor()
  await expect.poll(() => page.locator('.figures .amount').allTextContents())
    .toEqual(['1,000.00', '1,000.00'])
  await page.close()
})

test('a hold that ends between two readings of the page is not shown as held', async () => {
  const id = await http.user('1000')
  const page = await openUser(id)
  await isLive(page)
  await http.sql`select place_hold(${id}, 10, 1)`
  await page.route('**/holds?*', async (route) => {
    const active = () => http.call('GET', `/users/${id}/holds?status=active`)
    await expect.poll(active).toMatchObject({ body: { holds: [] } })
    await route.continue()
  })
  await page.reload()
  await page.getByText('No active holds.').waitFor()
  await expect.poll(() => page.locator('.figures .amount').allTextContents())
    .toEqual(['1,000.00', '1,000.00'])
  await page.close()
})

test('without a stream it asks, until there is one', async () => {
  const id = await http.user('1000')
  const refuse = (page: Page) =>
    page.route('**/events?*', (route) =>
      route.fulfill({
        status: 500,
        contentType: 'application/problem+json',
        body: JSON.stringify({ type: 'about:blank', title: 'No.', status: 500, code: 'internal' }),
      }))
  const page = await openUser(id, refuse)
  await page.getByText('Not live').waitFor()
  await http.sql`select debit_user(${id}, 1.25)`
  const shows = async (text: string) => {
    await page.clock.runFor(1_000)
    return await page.getByText(text, { exact: true }).count() > 0
  }
  await expect.poll(() => shows('998.75')).toBe(true)
  await page.unroute('**/events?*')
  await expect.poll(() => shows('Live')).toBe(true)
  await page.close()
})

test('the stream is closed while the page is hidden, and when another user is shown', async () => {
  const [id, other] = [await http.user('1000'), await http.user('7')]
  const page = await openUser(id)
  const closed: string[] = []
  page.on('requestfailed', (request) => {
    if (isStream(request)) closed.push(new URL(request.url()).searchParams.get('user')!)
  })
  const setVisible = (state: 'visible' | 'hidden') =>
    page.evaluate(`Object.defineProperty(document, 'visibilityState', {
      value: '${state}', configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await isLive(page)
  await setVisible('hidden')
  await expect.poll(() => closed).toEqual([String(id)])
  await http.sql`select debit_user(${id}, 1.25)`
  const stream = page.waitForRequest(isStream)
  await setVisible('visible')
  await page.getByText('998.75').first().waitFor()
  await stream
  await page.evaluate(`location.hash = '#/users/${other}'`)
  await page.getByText('7.00').first().waitFor()
  await expect.poll(() => closed).toEqual([String(id), String(id)])
  await page.close()
})
