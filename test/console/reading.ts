/** What the console shows. */
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'
import { hostileUser, SCRIPT } from './hostile_user.ts'

test('a user is found by number, by reference, and where a reference is a number, by either', async () => {
  const { page } = shown
  const id = await http.user('10.00')
  const [other] = await http.sql<{ id: string }[]>`select id from create_user(null, ${String(id)})`
  await http.sql`select create_user(null, 'customer 42')`
  await shown.open()
  const find = async (text: string) => {
    await page.getByRole('searchbox').fill(text)
    await page.getByRole('button', { name: 'Find' }).click()
  }
  await find('customer 42')
  await page.waitForURL(/#\/users\/\d+$/)
  await page.getByText('customer 42').waitFor()
  await find(other!.id)
  await page.waitForURL(new RegExp(`/users/${other!.id}$`))
  await find(String(id))
  const links = page.locator('.found a')
  await links.first().waitFor()
  expect(await links.allTextContents()).toEqual([`user ${id} `, `user ${other!.id} `])
  await find('nobody')
  await page.getByText('There is no user nobody.').waitFor()
})

test('balance, available, entries and holds are those of the ledger; markup in them is text', async () => {
  const { page } = shown
  const id = await hostileUser()
  await shown.open(`#/users/${id}`)
  const rows = page.locator('.entries tbody tr')
  await expect.poll(() => rows.count()).toBe(3)
  expect(await page.locator('.figures .amount').allTextContents())
    .toEqual(['1,234,567.89', '1,234,317.89'])
  const cells = await rows.nth(1).locator('td').allTextContents()
  expect(cells.toSpliced(1, 1)).toEqual([
    '2',
    `Debitreversed by 3${SCRIPT}`,
    'k2',
    '−34,567.89',
    '1,200,000.00',
  ])
  expect(await page.locator('.holds li').innerText()).toContain(SCRIPT)
  expect(await page.locator('main script, main img').count()).toBe(0)
})

test('numbers of metadata are those that are stored, whatever a browser can count', async () => {
  const { page } = shown
  const id = await http.user()
  const metadata = '{"chain": 18446744073709551615, "rate": 1.10}'
  await http.sql`select credit_user(${id}, 1, metadata => ${metadata}::text::jsonb)`
  await http.sql`select place_hold(${id}, 1, metadata => ${metadata}::text::jsonb)`
  await shown.open(`#/users/${id}`)
  const shownAs = 'rate: 1.10, chain: 18446744073709551615'
  expect(await page.locator('.entries tbody tr').innerText()).toContain(shownAs)
  expect(await page.locator('.holds li').innerText()).toContain(shownAs)
})

test('of a user that there is not, nothing is shown, and nothing can be done with it', async () => {
  const { page } = shown
  await shown.open('#/users/9007199254740991')
  await page.getByText('unknown_user').waitFor()
  expect(await page.locator('main').getByRole('button').count()).toBe(0)
})

test('the chart has as many of the last entries as are asked for, and those that come', async () => {
  const { page } = shown
  const id = await http.user('9999999999.99')
  await http.sql`select debit_user(${id}, 1) from generate_series(1, 1300)`
  await shown.open(`#/users/${id}`)
  await page.getByText('Entries 1052 to 1301').waitFor()
  await page.getByLabel('Entries', { exact: true }).selectOption('10000')
  await page.getByText('Entries 1 to 1301').waitFor()
  expect(await page.locator('figcaption').innerText())
    .toMatch(/Lowest 9,999,998,699\.99, highest 9,999,999,999\.99\.$/)
  await http.sql`select credit_user(${id}, 0.01)`
  await page.getByText('Entries 1 to 1302').waitFor()
  await page.getByLabel('Entries', { exact: true }).selectOption('1000')
  await page.getByText('Entries 303 to 1302').waitFor()
})

test('filters by action, day and key ask the ledger', async () => {
  const { page } = shown
  const id = await hostileUser()
  await shown.open(`#/users/${id}`)
  const seqs = () => page.locator('.entries tbody td:first-child').allTextContents()
  await expect.poll(seqs).toEqual(['3', '2', '1'])
  await page.getByLabel('Action').selectOption('DEBIT')
  await expect.poll(seqs).toEqual(['2'])
  await page.getByLabel('Action').selectOption('')
  await page.getByLabel('Key').fill('k<b>')
  await page.getByLabel('Key').press('Tab')
  await expect.poll(seqs).toEqual(['1'])
  await page.getByLabel('Key').fill('')
  const form = page.getByRole('form', { name: 'Filters' })
  await form.getByLabel('Posted to').fill('2020-01-01')
  await page.getByText('No entries.').waitFor()
  const today = new Date().toISOString().slice(0, 10)
  await form.getByLabel('Posted from').fill(today)
  await form.getByLabel('Posted to').fill(today)
  await expect.poll(seqs).toEqual(['3', '2', '1'])
})

test('a history is filtered by the text of a member of metadata', async () => {
  const { page } = shown
  const id = await http.user('10.00')
  const { sql } = http
  for (const order of ['17', '"17"', '18']) {
    await sql`select credit_user(${id}, 1, metadata => ${`{"a.b c": ${order}}`}::text::jsonb)`
  }
  await shown.open(`#/users/${id}`)
  const seqs = () => page.locator('.entries tbody td:first-child').allTextContents()
  await expect.poll(seqs).toEqual(['4', '3', '2', '1'])
  await page.getByLabel('Metadata member').fill('a.b c')
  await page.getByLabel('Its text').fill('17')
  await page.getByLabel('Its text').press('Enter')
  await expect.poll(seqs).toEqual(['3', '2'])
  await page.getByLabel('Metadata member').fill('')
  await page.getByLabel('Metadata member').press('Tab')
  await expect.poll(seqs).toEqual(['4', '3', '2', '1'])
})

test('a history goes on page by page', async () => {
  const { page } = shown
  const id = await http.user('1000')
  await http.sql`select debit_user(${id}, 1) from generate_series(1, 60)`
  await shown.open(`#/users/${id}`)
  await expect.poll(() => page.locator('.entries tbody tr').count()).toBe(50)
  await page.getByRole('button', { name: 'Older entries' }).click()
  await expect.poll(() => page.locator('.entries tbody tr').count()).toBe(61)
  // Once the newest ones are read again, the older ones are still there, as they are now.
  await http.sql`select reverse_entry(${id}, 2)`
  await expect.poll(() => page.locator('.entries tbody tr').count()).toBe(62)
  await page.getByText('reversed by 62').waitFor()
})
