/** Everything can be done with the keyboard, and nobody loses their place. */
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'
import { dialog } from './dialog.ts'

/** More than there are places on a page. */
const MAX_TABS = 100

/** What has the focus, by the name that a screen reader says. */
const focused = () =>
  shown.page.evaluate<string>(`(() => {
    const one = document.activeElement
    const { ariaLabel, labels } = one
    return one === document.body ? 'nothing' : ariaLabel ?? labels?.[0]?.innerText ?? one.innerText
  })()`)

async function tabTo(name: string): Promise<void> {
  for (let tabs = 0; tabs < MAX_TABS && await focused() !== name; tabs++) {
    await shown.page.keyboard.press('Tab')
  }
  expect(await focused()).toBe(name)
}

/** What is typed into the fields of any dialog; in a list, Down chooses the next one. */
const TYPED: Record<string, string> = {
  'Amount': '5',
  'Reason': 'By keyboard',
  'Credit limit': '100',
  'Expires': 'ArrowDown',
}

/** Goes to a button, fills in the dialog behind it, and confirms it. */
async function operate(
  name: string,
  typed: Record<string, string> = {},
  verb = name.replace(/ hold \d+$/, ''),
): Promise<void> {
  const { keyboard } = shown.page
  await tabTo(name)
  await keyboard.press('Enter')
  await dialog().waitFor()
  for (let field = await focused(); field !== 'Continue'; field = await focused()) {
    const text = { ...TYPED, ...typed }[field]
    if (text === 'ArrowDown') await keyboard.press(text)
    else if (text !== undefined) await keyboard.type(text)
    await keyboard.press('Tab')
  }
  await keyboard.press('Enter')
  await expect.poll(focused).toBe(verb)
  await keyboard.press('Enter')
  await dialog().waitFor({ state: 'detached' })
}

test('every operation can be done with the keyboard, and the focus stays where it was', async () => {
  const [id, peer] = [await http.user('100'), await http.user()]
  const { page } = shown
  await shown.openAnew(`#/users/${id}`)
  await page.getByText('Live', { exact: true }).waitFor()
  for (const name of ['Credit', 'Debit', 'Transfer', 'Hold']) {
    await operate(name, { 'To user': String(peer) })
    await expect.poll(focused).toBe(name)
  }
  await page.locator('.holds li').waitFor()
  await operate('Release hold 1')
  await page.getByText('No active holds.').waitFor()
  await expect.poll(focused).toBe('Holds')
  await http.sql`select place_hold(${id}, 7, 60)`
  await page.locator('.holds li').waitFor()
  await operate('Extend hold 2')
  await page.getByText('7.00').waitFor()
  await expect.poll(focused).toBe('Extend hold 2')
  await operate('Capture hold 2')
  await page.getByText('No active holds.').waitFor()
  await expect.poll(focused).toBe('Holds')
  await operate('Freeze')
  await expect.poll(focused).toBe('Limits')
  await operate('Thaw')
  await expect.poll(focused).toBe('Limits')
  await operate('Credit limit', {}, 'Set limit')
  await expect.poll(focused).toBe('Credit limit')
  await tabTo('Entry 1')
  await page.keyboard.press('Enter')
  await page.getByText('✓ The hash is what').waitFor()
  await operate('Reverse')
  await page.getByText('Reversed so far').waitFor()
  await page.keyboard.press('Escape')
  await expect.poll(focused).toBe('Entry 1')
  const [done] = await http.sql`
    select string_agg(action || ' ' || amount, ', ' order by seq) as entries,
           (select credit_limit from users where id = ${id}) as credit_limit
      from payment_history where user_id = ${id}`
  expect(done).toEqual({
    entries: 'CREDIT 100.00, CREDIT 5.00, DEBIT 5.00, DEBIT 5.00, DEBIT 5.00, DEBIT 5.00',
    credit_limit: '100.00',
  })
})

test('Escape leaves a dialog, and the focus is where it was', async () => {
  const { page } = shown
  await shown.openAnew(`#/users/${await http.user('10')}`)
  // From the heading, where a new page begins.
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Credit')
  await page.keyboard.press('Enter')
  await dialog().waitFor()
  await page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'detached' })
  expect(await focused()).toBe('Credit')
})
