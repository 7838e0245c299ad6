/** What is done by hand: confirmed, with a reason, and once. */
import type { Route } from 'playwright-core'
import { expect, test } from 'vitest'
import { PROBLEMS } from '../../src/core/errors.ts'
import { http, shown } from './access_off.ts'
import { button, confirm, dialog, enter, faults, inDialog } from './dialog.ts'

/** What was posted for a user, oldest first. */
const entriesOf = (id: number) =>
  http.sql<{ action: string; amount: string; reason: string | null; key: string | null }[]>`
    select action, amount, metadata ->> 'reason' as reason, idempotency_key as key
    from payment_history where user_id = ${id} order by seq`

test('credit, debit, transfer and hold are confirmed, keyed, and keep their reason', async () => {
  const [id, peer] = [await http.user('100'), await http.user()]
  const { page } = shown
  await shown.open(`#/users/${id}`)
  await enter('Credit', { Amount: '50.5', Reason: 'Refund of <b>17</b>' })
  expect(await dialog().locator('dd').first().innerText()).toBe('50.50')
  // Nothing is done before it is confirmed.
  expect(await entriesOf(id)).toHaveLength(1)
  expect(await confirm('Credit')).toContain(`User ${id} has 150.50, available 150.50.`)
  await enter('Debit', { Amount: '20', Reason: 'A fee' })
  await confirm('Debit')
  await enter('Transfer', { Amount: '30', 'To user': String(peer), Reason: 'Moved' })
  await confirm('Transfer')
  await enter('Hold', { Amount: '10', Reason: 'Deposit' })
  await confirm('Hold')
  await expect.poll(() => page.locator('.figures .amount').allTextContents())
    .toEqual(['100.50', '90.50'])
  const entries = await entriesOf(id)
  expect(entries.map(({ action, amount, reason }) => [action, amount, reason])).toEqual([
    ['CREDIT', '100.00', null],
    ['CREDIT', '50.50', 'Refund of <b>17</b>'],
    ['DEBIT', '20.00', 'A fee'],
    ['DEBIT', '30.00', 'Moved'],
  ])
  expect(new Set(entries.slice(1).map(({ key }) => key)).size).toBe(3)
  const { body } = await http.call('GET', `/users/${id}/holds`)
  expect(body).toMatchObject({ holds: [{ amount: '10.00', metadata: { reason: 'Deposit' } }] })
})

test('a hold is released and an entry reversed, with a reason', async () => {
  const id = await http.user('100')
  await http.sql`select place_hold(${id}, 60)`
  await http.sql`select debit_user(${id}, 15)`
  await shown.open(`#/users/${id}`)
  await enter('Release hold 1', { Reason: 'Cancelled' })
  expect(await confirm('Release')).toContain('available 85.00')
  await shown.page.getByRole('link', { name: 'Entry 2' }).click()
  await enter('Reverse', { Amount: '5', Reason: 'In part' })
  expect(await confirm('Reverse')).toContain(`User ${id} has 90.00`)
  const drawer = shown.page.getByRole('dialog')
  await drawer.getByText('Reversed so far').waitFor()
  await enter('Reverse', { Reason: 'By mistake' })
  expect(await confirm('Reverse')).toContain(`User ${id} has 100.00`)
  await drawer.getByRole('link', { name: 'Entry 4' }).waitFor()
  expect(await drawer.getByRole('button', { name: 'Reverse' }).count()).toBe(0)
  expect((await entriesOf(id)).at(-1)).toMatchObject({ action: 'CREDIT', reason: 'By mistake' })
})

test('a double click, and a repeat after a lost answer, do it once', async () => {
  const id = await http.user('100')
  const { page } = shown
  const keys: (string | undefined)[] = []
  const answers = ['lost', 'failed', 'sent']
  const lose = async (route: Route) => {
    keys.push(route.request().headers()['idempotency-key'])
    const answer = answers.shift()
    const response = await route.fetch()
    if (answer === 'lost') return await route.abort()
    if (answer === 'sent') return await route.fulfill({ response })
    await route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        title: 'Failed.',
        status: 500,
        code: 'internal',
        type: 'about:blank',
      }),
    })
  }
  await page.route('**/debit', lose)
  await shown.open(`#/users/${id}`)
  await enter('Debit', { Amount: '40', Reason: 'Once' })
  await inDialog('Debit').dblclick()
  await dialog().getByText('internal').waitFor()
  expect(await confirm('Try again')).toContain(`User ${id} has 60.00`)
  await page.unroute('**/debit', lose)
  expect(await entriesOf(id)).toHaveLength(2)
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
})

test('a refusal has its code and what to do, and another amount another key', async () => {
  const id = await http.user('10')
  await shown.open(`#/users/${id}`)
  await enter('Debit', { Amount: '25', Reason: 'Too much' })
  const key = await dialog().locator('dd code').innerText()
  await inDialog('Debit').click()
  await dialog().getByText('insufficient_funds').waitFor()
  expect(await dialog().getByRole('alert').innerText()).toContain('15.00')
  await inDialog('Back').click()
  expect(await faults()).toEqual([PROBLEMS.insufficient_funds.title])
  await dialog().getByLabel('Amount').fill('10')
  await inDialog('Continue').click()
  await inDialog('Debit').waitFor()
  expect(await dialog().locator('dd code').innerText()).not.toBe(key)
  await confirm('Debit')
  const reasons = (await entriesOf(id)).map(({ amount }) => amount)
  expect(reasons).toEqual(['10.00', '10.00'])
})

test('an unknown user and what is no amount are refused before anything is confirmed', async () => {
  const id = await http.user('10')
  await shown.open(`#/users/${id}`)
  await button('Transfer').click()
  await dialog().getByLabel('Amount').fill('1,50')
  await dialog().getByLabel('To user').fill('4711')
  await dialog().getByLabel('Reason').fill('Who?')
  await inDialog('Continue').click()
  expect(await faults()).toEqual([expect.stringContaining('1250.50')])
  await dialog().getByLabel('Amount').fill('1.50')
  expect(await faults()).toEqual([])
  await inDialog('Continue').click()
  await dialog().getByText('unknown_user').waitFor()
  await expect.poll(faults).toEqual(['There is no user 4711.'])
  await inDialog('Cancel').click()
  expect(await entriesOf(id)).toHaveLength(1)
})
