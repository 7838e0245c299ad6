/** What is done with holds and limits by hand: confirmed, with a reason, and once. */
import { expect, test } from 'vitest'
import { http, shown } from './access_off.ts'
import { button, confirm, dialog, enter, faults, inDialog } from './dialog.ts'

const EXTENSIONS = `
  select amount, metadata ->> 'reason' as reason, idempotency_key as key, expires_at::text
    from hold_changes where action = 'extended' and user_id = `
const CAPTURES = `
  select amount, metadata ->> 'reason' as reason, idempotency_key as key
    from payment_history where hold = 1 and user_id = `

interface Done {
  amount: string
  reason: string
  key: string
  expires_at?: string
}

const extensionsOf = (id: number) => http.sql.unsafe<Done[]>(`${EXTENSIONS}${id} order by number`)
const capturesOf = (id: number) => http.sql.unsafe<Done[]>(`${CAPTURES}${id} order by seq`)

test('a hold is extended, and captured in part and as a whole, with reasons and keys', async () => {
  const id = await http.user('100')
  await http.sql`select place_hold(${id}, 60, 3600)`
  await shown.open(`#/users/${id}`)
  await enter('Extend hold 1', { Expires: '86400', Reason: 'Late delivery' })
  expect(await confirm('Extend')).toContain('Hold 1 expires 2')
  await enter('Capture hold 1', { Amount: '20', 'The rest': 'held', Reason: 'First parcel' })
  expect(await confirm('Capture')).toContain(`User ${id} has 80.00, available 40.00.`)
  const item = shown.page.locator('.holds li')
  await item.getByText('20.00 of 60.00 captured').waitFor()
  expect(await item.locator('.number').innerText()).toBe('40.00')
  await enter('Capture hold 1', { Reason: 'All the rest' })
  expect(await confirm('Capture')).toContain(`User ${id} has 40.00, available 40.00.`)
  await shown.page.getByText('No active holds.').waitFor()
  const done = [...await extensionsOf(id), ...await capturesOf(id)]
  expect(done.map(({ amount, reason }) => [amount, reason])).toEqual([
    ['60.00', 'Late delivery'],
    ['20.00', 'First parcel'],
    ['40.00', 'All the rest'],
  ])
  expect(new Set(done.map(({ key }) => key)).size).toBe(3)
})

test('a part of a hold is captured, and the rest given back; what is too much is said at its field', async () => {
  const id = await http.user('100')
  await http.sql`select place_hold(${id}, 60)`
  await shown.open(`#/users/${id}`)
  await enter('Capture hold 1', { Amount: '60.01', Reason: 'Too much' })
  await inDialog('Capture').click()
  await dialog().getByText('invalid_request').waitFor()
  await inDialog('Back').click()
  expect(await faults()).toHaveLength(1)
  await dialog().getByLabel('Amount').fill('10')
  await inDialog('Continue').click()
  expect(await dialog().locator('dd').allTextContents())
    .toEqual(['10.00', `hold 1 of user ${id}`, 'is given back', 'Too much', expect.anything()])
  expect(await confirm('Capture')).toContain(`User ${id} has 90.00, available 90.00.`)
})

test('an end that is not later is refused, and a hold can be made to last for ever', async () => {
  const id = await http.user('100')
  await http.sql`select place_hold(${id}, 60, 604800)`
  await shown.open(`#/users/${id}`)
  await enter('Extend hold 1', { Expires: '3600', Reason: 'Sooner' })
  await inDialog('Extend').click()
  await dialog().getByText('expiry_not_later').waitFor()
  await inDialog('Back').click()
  expect(await faults()).toHaveLength(1)
  await dialog().getByLabel('Expires').selectOption('never')
  await inDialog('Continue').click()
  expect(await confirm('Extend')).toBe('Hold 1 expires never.')
  const extensions = await extensionsOf(id)
  expect(extensions.map(({ expires_at, reason }) => [expires_at, reason]))
    .toEqual([['infinity', 'Sooner']])
  await button('Release hold 1').waitFor()
  await expect.poll(() => button('Extend hold 1').count()).toBe(0)
})

test('a user is frozen, gets a credit limit, and is thawed, with reasons that are shown', async () => {
  const id = await http.user('100')
  const { page } = shown
  await shown.open(`#/users/${id}`)
  await page.getByText('Not frozen, and no credit.').waitFor()
  const [whom, then, reason] = await enter('Freeze', { Reason: 'Ticket <b>42</b>' })
  expect([whom, reason]).toEqual([`User ${id}`, 'Ticket <b>42</b>'])
  expect(then).toContain('until it is thawed')
  expect(await http.sql`select 1 from user_controls where user_id = ${id}`).toHaveLength(0)
  expect(await confirm('Freeze')).toBe(`User ${id} is frozen.`)
  await button('Thaw').waitFor()
  expect(await page.locator('.user .badge').innerText()).toBe('frozen')
  await enter('Credit limit', { 'Credit limit': '250.5', Reason: 'A good customer' })
  expect(await confirm('Set limit')).toContain(`User ${id} has 100.00, available 350.50.`)
  await enter('Thaw', { Reason: 'It was a mistake' })
  expect(await confirm('Thaw')).toBe(`User ${id} is not frozen any more.`)
  await button('Freeze').waitFor()
  const shownChanges = page.locator('section', { hasText: 'Limits' }).locator('li')
  await expect.poll(() => shownChanges.count()).toBe(3)
  expect(await shownChanges.locator('.reason').allTextContents())
    .toEqual(['It was a mistake', 'A good customer', 'Ticket <b>42</b>'])
  const rows = await http.sql<{ operation: string; reason: string }[]>`
    select operation, reason from user_controls where user_id = ${id} order by number`
  expect(rows.map(({ operation, reason }) => [operation, reason])).toEqual([
    ['FREEZE', 'Ticket <b>42</b>'],
    ['CREDIT LIMIT', 'A good customer'],
    ['THAW', 'It was a mistake'],
  ])
})
