/** The pictures of docs/how-to/console.md, of the console as it is: `npm run test:screenshots`. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCOPES } from '../../src/auth/scopes.ts'
import { writeTokens } from '../support/access.ts'
import { useHttp } from '../support/http.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { useConsole } from './browser.ts'

const FOLDER = process.env['LEDGER_TEST_SCREENSHOTS']!
/** A user of the seed with a long history. */
const REFERENCE = 'seed-1-0012'

const file = writeTokens([{ name: 'anna.support', tokens: ['secret'], scopes: SCOPES }])
afterAll(file.remove)
const http = useHttp({ accessTokensFile: file.path })
const shown = useConsole(http)
let id: string
let peer: string

beforeAll(async () => {
  const { sql } = http
  const seeding = runTypeScript('db/desk/seed.ts', ['--users', '30'], {
    DATABASE_URL: http.service.database.url,
  })
  if (await seeding.ended !== 0) throw new Error(seeding.output())
  const [user] = await sql<{ id: string; peer: string }[]>`
    select r.user_id as id, r.user_id + 1 as peer from user_references r
     where r.reference = ${REFERENCE}`
  ;({ id, peer } = user!)
  const because = (reason: string, more = {}) => JSON.stringify({ reason, ...more })
  await sql`select thaw_user(${id}::bigint, 'The customer has called.')`
  await sql`select set_credit_limit(${id}::bigint, 500, 'A good customer.')`
  await sql`select credit_user(${id}::bigint, 2400, 'payout-11',
    ${because('Payout for November')}::text::jsonb)`
  await sql`select debit_user(${id}::bigint, 49.90, 'order-4702',
    ${because('Order 4702', { order: 4702 })}::text::jsonb)`
  await sql`
    select reverse_entry(u.id, u.seq, idempotency_key => 'cancel-4702',
      metadata => ${because('The customer has cancelled order 4702')}::text::jsonb)
      from users u where u.id = ${id}::bigint`
  await sql`select transfer(${id}::bigint, ${peer}::bigint, 300, 'move-17',
    ${because('Moved to the account of the company')}::text::jsonb)`
  await sql`select place_hold(${id}::bigint, 250, 604800, 'deposit-4711',
    ${because('Deposit for order 4711')}::text::jsonb)`
})

type Scheme = 'light' | 'dark'

/** Somebody who has signed in, on a page of this size that shows a user. */
async function openUser(colorScheme: Scheme, width: number, height: number): Promise<Page> {
  const browser = shown.page.context().browser()!
  const viewport = { width, height }
  const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor: 1 })
  await page.goto(`${http.service.url}/console#/users/${id}`)
  await page.getByLabel('Token').fill('secret')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('.plot canvas').waitFor()
  await page.locator('.entries tbody tr').first().waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  return page
}

const confirmTransfer = async (page: Page) => {
  await page.getByRole('button', { name: 'Transfer' }).click()
  await page.getByLabel('Amount').fill('125.50')
  await page.getByLabel('To user').fill(peer)
  await page.getByLabel('Reason').fill('Paid to the wrong account: ticket 8812')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('dialog code').waitFor()
}

const openReversal = async (page: Page) => {
  await page.locator('.entries tbody tr', { hasText: 'Reversal of' }).first()
    .getByRole('link', { name: /^Entry/ }).click()
  await page.getByText('✓ The hash is what').waitFor()
}

const SHOTS: [string, Scheme, number, number, ((page: Page) => Promise<void>)?][] = [
  ['user', 'light', 1280, 860],
  ['confirm', 'light', 1280, 640, confirmTransfer],
  ['entry', 'dark', 1280, 800, openReversal],
  ['phone', 'dark', 390, 844],
]

test.each(SHOTS)('%s.png', async (name, scheme, width, height, act) => {
  const page = await openUser(scheme, width, height)
  await act?.(page)
  const picture = await page.screenshot({
    path: `${FOLDER}/${name}.png`,
    animations: 'disabled',
  })
  expect(picture.length).toBeGreaterThan(0)
  await page.close()
})
