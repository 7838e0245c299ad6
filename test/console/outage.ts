/** The service goes away, and comes back: what was begun goes on, and is done once. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'

const live = (page: Page) => page.getByText('Live', { exact: true })
const debits = (id: number) =>
  http.sql`select amount, idempotency_key from payment_history
    where user_id = ${id} and action = 'DEBIT'`

/** A page of its own, with a debit that is entered. */
async function enterDebit(id: number): Promise<Page> {
  const page = await shown.page.context().newPage()
  await page.clock.install()
  await page.goto(`${http.service.url}/console#/users/${id}`)
  await live(page).waitFor()
  await page.getByRole('button', { name: 'Debit', exact: true }).click()
  await page.getByLabel('Amount').fill('40')
  await page.getByLabel('Reason').fill('A long reason that nobody types twice')
  return page
}

const inDialog = (page: Page, name: string) =>
  page.locator('dialog.operation').getByRole('button', { name, exact: true })

test('what was typed is there when the service comes back, and the page is live again', async () => {
  const id = await http.user('100')
  const page = await enterDebit(id)
  await http.service.stop()
  await page.getByText('Not live').waitFor()
  await inDialog(page, 'Continue').click()
  await page.clock.runFor(40_000)
  await page.locator('dialog.operation .problem').waitFor()
  await http.service.restart()
  expect(await page.getByLabel('Amount').inputValue()).toBe('40')
  expect(await page.getByLabel('Reason').inputValue()).toMatch(/^A long reason/)
  await inDialog(page, 'Continue').click()
  await inDialog(page, 'Debit').click()
  await page.getByText(`User ${id} has 60.00`).waitFor()
  await expect.poll(async () => {
    await page.clock.runFor(1_000)
    return await live(page).count()
  }).toBe(1)
  expect(await debits(id)).toMatchObject([{ amount: '40.00' }])
  await page.close()
})

test('what is confirmed while the service is away is done once, by itself or when tried again', async () => {
  for (const isBack of ['soon', 'late']) {
    const id = await http.user('100')
    const page = await enterDebit(id)
    await inDialog(page, 'Continue').click()
    const key = await page.locator('dialog.operation dd code').innerText()
    await http.service.stop()
    await inDialog(page, 'Debit').click()
    if (isBack === 'late') {
      await page.clock.runFor(40_000)
      await page.getByText('outcome_unknown').waitFor()
    }
    await http.service.restart()
    if (isBack === 'late') await inDialog(page, 'Try again').click()
    await expect.poll(async () => {
      await page.clock.runFor(1_000)
      return await page.getByText(`User ${id} has 60.00`).count()
    }).toBe(1)
    expect(await debits(id)).toEqual([{ amount: '40.00', idempotency_key: key }])
    await page.close()
  }
})
