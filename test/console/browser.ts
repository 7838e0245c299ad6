/** The console in Chromium, on a service of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { TestHttp } from '../support/http.ts'

const WITHOUT_WINDOWS = '/usr/bin/chromium-headless-shell'
/** The smaller one where it is there: it takes half as much to start. */
export const CHROMIUM = existsSync(WITHOUT_WINDOWS) ? WITHOUT_WINDOWS : '/usr/bin/chromium'
export const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
  .concat('--disable-background-networking', '--disable-component-update', '--disable-sync')
/** Somebody has to wait for that long before a test says that it isn't there. */
const PATIENCE_MS = 60_000

export interface TestConsole {
  /** The page of the test, which begins where the test before ended. */
  readonly page: Page
  /** Goes to the page of a user, or whatever the address behind # names. */
  open(hash?: string): Promise<void>
  /** The same for somebody who has just come, and has no session. */
  openAnew(hash?: string): Promise<void>
  /** Every origin that was asked for something. */
  readonly origins: Set<string>
}

/**
 * To be called at the top of a test file. One browser for all of its tests, none of which may break
 * the page's policy or have an error in its console. Skips the tests where there is no Chromium.
 */
export function useConsole(http: TestHttp): TestConsole {
  let browser: Browser | undefined
  let context: BrowserContext
  let page: Page
  const origins = new Set<string>()
  const complaints: string[] = []

  beforeAll(async () => {
    if (!existsSync(CHROMIUM)) return
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    page = await context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('dialog', (dialog) => {
      complaints.push(`a script said ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => {
      // Chromium reports each answer that is a problem, which some tests want.
      const isAnswer = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && !isAnswer) complaints.push(message.text())
    })
  })

  beforeEach(({ skip }) => {
    if (!browser) skip('needs Chromium')
  })

  afterEach(() => {
    expect(complaints.splice(0)).toEqual([])
  })

  afterAll(() => browser?.close())

  return {
    get page() {
      return page
    },
    async open(hash = '#/') {
      await page.goto(`${http.service.url}/console${hash}`)
      await page.waitForSelector('h1')
    },
    async openAnew(hash) {
      await page.goto('about:blank')
      await this.open(hash)
    },
    origins,
  }
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/**
 * What keeps somebody from using the page, by one rule of axe or all of them: the rule, and what
 * breaks it.
 */
export async function violationsIn(page: Page, rule?: string): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'))
  const options = rule === undefined ? {} : { runOnly: [rule] }
  const { violations } = await page.evaluate(`axe.run(${JSON.stringify(options)})`) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[]
  }
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
  )
}
