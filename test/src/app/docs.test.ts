/** The page at /docs in a real browser: it works, and asks nobody but the service. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DOCS_FILES } from '../../../src/app/docs.ts'
import { PROBLEMS } from '../../../src/core/errors.ts'
import { CHROMIUM, FLAGS } from '../../console/browser.ts'
import { useHttp } from '../../support/http.ts'
import type { Document } from '../../support/openapi.ts'
import { operationsOf } from '../../support/openapi.ts'
import { onDeno } from '../../support/service.ts'

const http = useHttp()

test('a browser is led to /docs, everything else to the links', async () => {
  const browser = await http.call('GET', '/', undefined, {
    Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  })
  expect([browser.status, browser.headers['location']]).toEqual([302, '/docs'])
  const { status, body } = await http.call('GET', '/')
  expect([status, body]).toEqual([200, { docs: '/docs', openapi: '/openapi.json' }])
})

test('the document says where it was asked for', async () => {
  const { servers } = (await http.call('GET', '/openapi.json')).body as {
    servers: { url: string }[]
  }
  expect(servers.map(({ url }) => url)).toEqual([http.service.url])
})

test('the page may load nothing from elsewhere, and has a row for each code', async () => {
  const response = await fetch(`${http.service.url}/docs`)
  const page = await response.text()
  const policy = response.headers.get('content-security-policy')!
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect(page).toMatch(/^\s*<!doctype html>/)
  expect(page).not.toMatch(/<style|\son\w+=|<script(?![^>]* src=)/i)
  const targets = [...page.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, target]) => target)
  expect(targets.filter((target) => !/^(\/(docs|openapi)|data:,$)/.test(target!))).toEqual([])
  // A problem's `type` leads here.
  for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`<tr id="${code}">`)
})

test('each file is there as what it is, and nothing else is', async () => {
  for (const [name, type] of Object.entries(DOCS_FILES)) {
    const { status, headers } = await http.call('GET', `/docs/${name}`)
    expect([status, headers['content-type']]).toEqual([200, type])
  }
  for (const name of ['package.json', 'index.html', '..%2Fdocs.js', 'constructor']) {
    expect((await http.call('GET', `/docs/${name}`)).status, name).toBe(404)
  }
})

const skipped = onDeno
  ? 'Chromium is driven from Node'
  : existsSync(CHROMIUM)
  ? undefined
  : 'needs Chromium'

describe('in Chromium', () => {
  let browser: Browser | undefined
  let page: Page
  const asked = new Set<string>()
  const complaints: string[] = []

  beforeEach(({ skip }) => {
    if (skipped !== undefined) skip(skipped)
  })

  beforeAll(async () => {
    if (skipped !== undefined) return
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    const context = await browser.newContext({ colorScheme: 'dark' })
    page = await context.newPage()
    page.setDefaultTimeout(0)
    page.on('request', (request) => asked.add(new URL(request.url()).origin))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${http.service.url}/`)
    await page.waitForSelector('.opblock')
  })

  afterAll(() => browser?.close())

  test('every operation is shown', async () => {
    const { body } = await http.call('GET', '/openapi.json')
    expect(await page.locator('.opblock').count()).toBe(operationsOf(body as Document).length)
  })

  test('it is as dark as the browser wants, and the button changes that', async () => {
    const isDark = () => page.locator('html.dark-mode').count()
    expect(await isDark()).toBe(1)
    await page.click('#theme')
    expect(await isDark()).toBe(0)
  })

  test('a search finds operations by any of their words', async () => {
    const search = page.locator('.operation-filter-input')
    await search.fill('capturehold post')
    await expect.poll(() => page.locator('.opblock').count()).toBe(1)
    expect(await page.locator('.opblock-summary-path').textContent()).toContain('capture')
    await search.fill('')
    await expect.poll(() => page.locator('.opblock').count()).toBeGreaterThan(10)
  })

  test('an operation can be tried out, with its example', async () => {
    await http.sql`select credit_user(1, 1000)`
    const block = page.locator('#operations-Entries-debitUser')
    await block.locator('.opblock-summary-control').click()
    await block.locator('.try-out__btn').click()
    await block.locator('.execute').click()
    await block.locator('.live-responses-table .response-col_status').filter({ hasText: '201' })
      .waitFor()
    const [row] = await http.sql`select balance from users where id = 1`
    expect(row).toEqual({ balance: '900.00' })
  })

  test('on a phone it is no wider than the screen, and the search as wide as it', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    const width = await page.evaluate('document.documentElement.scrollWidth')
    expect(width).toBeLessThanOrEqual(390)
    const search = await page.locator('.operation-filter-input').boundingBox()
    expect(search!.width).toBeGreaterThan(350)
  })

  test('it asked nobody but the service, and broke no rule', () => {
    expect([...asked].filter((origin) => origin !== 'null')).toEqual([http.service.url])
    expect(complaints).toEqual([])
  })
})
