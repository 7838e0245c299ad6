/** The console with access on: what it shows is what the token allows. */
import { afterAll, expect, test } from 'vitest'
import { SCOPES } from '../../src/auth/scopes.ts'
import { bearer, writeTokens } from '../support/access.ts'
import { useHttp } from '../support/http.ts'
import { useConsole, violationsIn } from './browser.ts'

const BOUND = 7
const file = writeTokens([
  { tokens: ['all'], scopes: SCOPES },
  { tokens: ['reader'], scopes: ['read'] },
  { tokens: ['lender'], scopes: ['credit'] },
  { tokens: ['bound'], scopes: ['read', 'debit'], users: [BOUND] },
])
afterAll(file.remove)
const http = useHttp({ accessTokensFile: file.path })
const shown = useConsole(http)

async function signIn(token: string, hash?: string): Promise<void> {
  await shown.openAnew(hash)
  await shown.page.getByLabel('Token').fill(token)
  await shown.page.getByRole('button', { name: 'Sign in' }).click()
  await shown.page.getByRole('button', { name: 'Sign out' }).waitFor()
}

/** A user with a hold and an entry, on its page with the entry open. */
async function buttonsOf(token: string, id: number): Promise<string[]> {
  await signIn(token, `#/users/${id}`)
  const buttons = shown.page.locator('main').getByRole('button')
  await shown.page.locator('.holds li').first().waitFor()
  const names = await buttons.allTextContents()
  await shown.page.getByRole('link', { name: 'Entry 1' }).click()
  await shown.page.getByText('✓ The hash is what').waitFor()
  return [...names, ...await shown.page.locator('dialog .content button').allTextContents()]
}

async function userWithHold(): Promise<number> {
  const id = await http.user('100')
  await http.sql`select place_hold(${id}, 10, 3600)`
  return id
}

test('a wrong token is refused, and a right one is nowhere but in memory', async () => {
  const { page } = shown
  await shown.openAnew()
  await page.getByLabel('Token').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('unauthorized').waitFor()
  expect(await violationsIn(page)).toEqual([])
  await signIn('all')
  await page.getByRole('heading', { name: 'Users' }).waitFor()
  const kept = await page.evaluate(`JSON.stringify([
    Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, location.href,
    document.documentElement.outerHTML,
  ])`)
  expect(kept).not.toMatch(/"all"|\ball\b.*token/)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Token').waitFor()
  expect(await page.getByLabel('Token').inputValue()).toBe('')
})

test('whoever may do everything has a button for it, and who may read has none', async () => {
  const id = await userWithHold()
  const reading = ['Download CSV', 'Verify', 'Compute hashes here']
  const shownTo = async (token: string) =>
    (await buttonsOf(token, id)).filter((name) => !/^(Older entries|More holds)$/.test(name))
  expect(await shownTo('all'))
    .toEqual([
      'Credit',
      'Debit',
      'Transfer',
      'Hold',
      'Capture',
      'Extend',
      'Release',
      'Freeze',
      'Credit limit',
      ...reading,
      'Reverse',
    ])
  expect(await shownTo('reader')).toEqual(reading)
})

test('who may only credit does so without seeing anything', async () => {
  const id = await http.user('100')
  const { page } = shown
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await signIn('lender', `#/users/${id}`)
  await page.getByText('Your token may not read').waitFor()
  expect(await page.locator('main').getByRole('button').allTextContents()).toEqual(['Credit'])
  await page.getByRole('button', { name: 'Credit' }).click()
  await page.getByLabel('Amount').fill('1')
  await page.getByLabel('Reason').fill('A gift')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('dialog').getByRole('button', { name: 'Credit' }).click()
  await page.getByText(`User ${id} has 101.00`).waitFor()
  const [row] = await http.sql`select balance from users where id = ${id}`
  expect(row).toEqual({ balance: '101.00' })
  // Nothing is asked that would be refused.
  const paths = asked.filter((path) => !path.startsWith('/console'))
  expect([...new Set(paths)]).toEqual(['/me', `/users/${id}/credit`])
})

test('a caller who is bound to a user sees that one alone', async () => {
  const { page } = shown
  await http.sql`select create_user(${BOUND})`
  const other = await http.user('100')
  await signIn('bound')
  const users = page.locator('.users tbody tr')
  await users.first().waitFor()
  expect(await users.locator('td:first-child').allTextContents()).toEqual([String(BOUND)])
  await page.locator('.users a').click()
  await page.getByText('Live', { exact: true }).waitFor()
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.goto(`${http.service.url}/console#/users/${other}`)
  await page.getByText('forbidden').first().waitFor()
  expect(await page.locator('.figures').count()).toBe(0)
  // It asks for the user, which says why, and for nothing else that would be refused.
  const refused = asked.filter((path) => path === '/events' || path.includes(`/users/${other}`))
  expect(new Set(refused)).toEqual(new Set([`/users/${other}/controls`]))
})

test('once a token is refused, what was begun goes on with another one of the same caller', async () => {
  const id = await http.user('100')
  const { page } = shown
  await signIn('all', `#/users/${id}`)
  await page.getByText('Live', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Debit' }).click()
  await page.getByLabel('Amount').fill('40')
  await page.getByLabel('Reason').fill('Late')
  await page.getByRole('button', { name: 'Continue' }).click()
  const operation = page.locator('dialog.operation')
  const key = await operation.locator('dd code').innerText()
  const scopes = SCOPES
  file.write([{ tokens: ['newer'], scopes }, { name: 'other', tokens: ['other'], scopes }])
  const statusOf = (token: string) =>
    http.call('GET', '/me', undefined, bearer(token)).then(({ status }) => status)
  await expect.poll(() => statusOf('all')).toBe(401)
  // Whatever else has been refused meanwhile, and asks for another token already.
  await operation.getByRole('button', { name: 'Debit' }).dispatchEvent('click')
  const renewal = page.getByRole('dialog', { name: 'Your token is not valid any more' })
  const enter = async (token: string) => {
    await renewal.getByLabel('Token').fill(token)
    await renewal.getByRole('button', { name: 'Sign in' }).click()
  }
  await enter('other')
  await renewal.getByText('This token is of other').waitFor()
  expect(await violationsIn(page)).toEqual([])
  await enter('newer')
  await renewal.waitFor({ state: 'detached' })
  await operation.getByRole('button', { name: 'Try again' }).click()
  await page.getByText(`User ${id} has 60.00`).waitFor()
  const [entry] = await http.sql`
    select idempotency_key from payment_history where user_id = ${id} and seq = 2`
  expect(entry).toEqual({ idempotency_key: key })
  await http.sql`select credit_user(${id}, 1)`
  await page.getByText('61.00').first().waitFor()
})
