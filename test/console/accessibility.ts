/** Everybody can use the console: dark or light, on a large screen or a phone, by eye or by ear. */
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'
import { violationsIn } from './browser.ts'

async function userWithAll(): Promise<number> {
  const { sql } = http
  const id = await http.user('1234567.89')
  await sql`select debit_user(${id}, 34.5, 'order-17', '{"reason": "Order 17"}')`
  await sql`select reverse_entry(${id}, 2)`
  await sql`select place_hold(${id}, 250, 3600)`
  await sql`select freeze_user(${id}, 'test')`
  return id
}

/** All rules once; for the other colours those about colours. */
const SCHEMES = [['light', undefined], ['dark', 'color-contrast']] as const

test.each(SCHEMES)('in %s, axe has nothing to say', async (colorScheme, rule) => {
  const { page } = shown
  await page.emulateMedia({ colorScheme })
  const id = await userWithAll()
  await shown.openAnew()
  await page.locator('.users tbody tr').first().waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await shown.open(`#/users/${id}`)
  await page.locator('.plot canvas').waitFor()
  await page.locator('.holds li').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await page.getByRole('button', { name: 'Debit' }).click()
  await page.getByLabel('Amount').fill('1')
  await page.getByLabel('Reason').fill('Who may?')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('dialog').getByRole('button', { name: 'Debit' }).click()
  await page.getByText('user_frozen').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await page.getByRole('button', { name: 'Back' }).click()
  await page.getByRole('dialog').getByLabel('Amount').fill('1,5')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('[aria-invalid]').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Entry 2' }).click()
  await page.getByText('✓ The hash is what').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Entry 1' }).click()
  await page.getByRole('button', { name: 'Reverse' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('[aria-invalid]').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await shown.openAnew(`#/users/${await http.user()}`)
  await page.getByText('No entries.').waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
  await shown.openAnew('#/users/4711')
  await page.getByText('unknown_user').first().waitFor()
  expect(await violationsIn(page, rule)).toEqual([])
})

const DIALOGS = ['Credit', 'Debit', 'Transfer', 'Hold', 'Capture', 'Extend', 'Release']
  .concat('Thaw', 'Credit limit')

test('axe has nothing to say about any dialog, on a phone in the dark', async () => {
  const { page } = shown
  const { width, height } = page.viewportSize()!
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.setViewportSize({ width: 360, height: 800 })
  await shown.openAnew(`#/users/${await userWithAll()}`)
  await page.locator('.holds li').waitFor()
  const dialog = page.locator('dialog.operation')
  for (const text of DIALOGS) {
    await page.locator('main').getByRole('button').filter({ hasText: new RegExp(`^${text}$`) })
      .click()
    expect([text, await violationsIn(page)]).toEqual([text, []])
    expect((await dialog.boundingBox())!.width).toBeLessThanOrEqual(360)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width, height })
})

test('on a phone nothing is wider than the screen, and axe has nothing to say', async () => {
  const { page } = shown
  await page.setViewportSize({ width: 360, height: 800 })
  const width = () => page.evaluate('document.documentElement.scrollWidth')
  await shown.open(`#/users/${await userWithAll()}`)
  await page.locator('.plot canvas').waitFor()
  await page.locator('.entries tbody tr').first().waitFor()
  expect(await width()).toBeLessThanOrEqual(360)
  expect(await violationsIn(page)).toEqual([])
  // A history may be long: what is held and allowed now comes before it.
  const headings = await page.locator('main h2').allTextContents()
  const places = await page.locator('main h2').evaluateAll((all) =>
    all.map((one) => one.getBoundingClientRect().top)
  )
  expect(headings.at(-1)).toBe('History')
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  await page.getByRole('link', { name: 'Entry 2' }).click()
  await page.getByText('✓ The hash is what').waitFor()
  expect(await width()).toBeLessThanOrEqual(360)
  await shown.open()
  await page.locator('.users tbody tr').first().waitFor()
  expect(await width()).toBeLessThanOrEqual(360)
})

test('nobody but the service was asked for anything', async () => {
  await shown.open()
  const origins = [...shown.origins].filter((origin) => origin !== 'null')
  expect(origins).toEqual([http.service.url])
})
