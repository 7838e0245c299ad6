/** Entries and their proofs in the console. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ageUsers } from '../support/tampering.ts'
import { http, shown } from './access_off.ts'
import { hostileUser, SCRIPT } from './hostile_user.ts'

test('an entry is shown with its hash, computed in the browser', async () => {
  const { page } = shown
  const id = await hostileUser()
  await shown.open(`#/users/${id}`)
  await page.getByRole('link', { name: 'Entry 3' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('✓ The hash is what').waitFor()
  const hashes = await http.sql<{ hash: string }[]>`
    select encode(hash, 'hex') as hash from payment_history where user_id = ${id} order by seq`
  expect(await dialog.locator('.hash').allTextContents()).toEqual(hashes.map(({ hash }) => hash))
  await dialog.getByRole('link', { name: 'Entry 2' }).click()
  await dialog.getByRole('heading', { name: 'Entry 2' }).waitFor()
  expect(await dialog.locator('pre').textContent()).toContain(SCRIPT)
  await page.keyboard.press('Escape')
  await page.waitForURL(new RegExp(`/users/${id}$`))
})

test('an entry leads to the other half of its transfer, and stays there', async () => {
  const { page } = shown
  const [id, peer] = [await http.user('100'), await http.user('100')]
  await http.sql`select transfer(${id}, ${peer}, 1)`
  await shown.open(`#/users/${id}/entries/2`)
  await page.getByRole('link', { name: `User ${peer}, entry 2` }).click()
  await page.getByRole('heading', { name: `Entry 2 of user ${peer}` }).waitFor()
  await page.getByText('✓ The hash is what').waitFor()
  expect(page.url()).toContain(`#/users/${peer}/entries/2`)
})

test('an entry that is not what its hash says is shown as such', async () => {
  const { page } = shown
  const id = await http.user('10.00')
  await http.sql`select credit_user(${id}, 5.00)`
  await page.route('**/history?after=*', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: (await response.text()).replace('"5.00"', '"6.00"') })
  })
  await shown.open(`#/users/${id}/entries/2`)
  await page.getByText('✗ The hash is not what').waitFor()
  expect(await page.getByText('✓ The hash is what').count()).toBe(0)
  await page.unroute('**/history?after=*')
})

test('of an erased entry it says that it can not be proved alone', async () => {
  const { page } = shown
  const old = await http.user('10.00')
  await http.sql`select credit_user(${old}, 1, 'k', '{"name": "Ada"}')`
  await ageUsers(http.sql, 100, old)
  await http.sql`select erase_user(${old}, 'request 4712 of somebody')`
  await shown.open(`#/users/${old}`)
  await page.getByRole('button', { name: 'Compute hashes here' }).click()
  await page.getByText('✓ 1 hash computed').waitFor()
  await page.getByText('1 entry can’t be proved alone').waitFor()
  await page.getByRole('link', { name: 'Entry 2' }).click()
  await page.getByRole('dialog').getByText('erased by intervention').waitFor()
  expect(await page.getByText('✓ The hash is what').count()).toBe(0)
})

test('a statement is downloaded whole, and a history is verified', async () => {
  const { page } = shown
  const id = await hostileUser()
  await shown.open(`#/users/${id}`)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ])
  expect(download.suggestedFilename()).toBe(`user-${id}.csv`)
  const text = readFileSync(await download.path(), 'utf8')
  const { text: wanted } = await http.call('GET', `/users/${id}/history`, undefined, {
    Accept: 'text/csv',
  })
  // The opening of a statement from the first entry has no moment: both are the same.
  expect(text).toBe(wanted)
  await page.getByText('Complete: 3 entries, from 0.00 to 1,234,567.89.').waitFor()
  await page.getByRole('button', { name: 'Verify' }).click()
  await page.getByText('✓ No findings in 3 entries.').waitFor()
  await page.getByRole('button', { name: 'Compute hashes here' }).click()
  await page.getByText('✓ 3 hashes computed, balance 1,234,567.89.').waitFor()
})
