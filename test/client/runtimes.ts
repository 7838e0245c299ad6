/** Runs a bundle of `calls` (packed.test.ts) where there are no files and no packages. */
import { existsSync } from 'node:fs'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM, FLAGS } from '../console/browser.ts'
import { startWorkerd } from '../support/workerd.ts'

/** Runs `calls` with these arguments, and returns what it returns. */
export type Calls = (url: string, id: number) => Promise<unknown>

/** Makes one script of a module in this folder, which imports packages from there. */
async function bundled(
  folder: string,
  contents: string,
  format: 'esm' | 'iife' = 'iife',
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    write: false,
    format,
    target: 'es2022',
  })
  return outputFiles[0]!.text
}

/** Both are on this machine, which a page of elsewhere may reach only if somebody allows it. */
const ARGS = [...FLAGS, '--disable-features=LocalNetworkAccessChecks']

/** Shows an empty page of this origin in Chromium. */
async function inPage<T>(origin: string, use: (page: Page) => Promise<T>): Promise<T> {
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
  try {
    const page = await browser.newPage()
    const answer = { contentType: 'text/html', body: '<!doctype html><title>Shop</title>' }
    await page.route(`${origin}/**`, (route) => route.fulfill(answer))
    await page.goto(`${origin}/`)
    return await use(page)
  } finally {
    await browser.close()
  }
}

/** In a page of another origin than the service's. */
export async function callsInPage(folder: string, origin: string, ...given: Parameters<Calls>) {
  const script = await bundled(folder, "import { calls } from './calls.js'; window.calls = calls")
  return await inPage(origin, async (page) => {
    await page.addScriptTag({ content: script })
    return await page.evaluate(`calls(...${JSON.stringify(given)})`)
  })
}

/** In a Web Worker of such a page. */
export async function callsInWebWorker(
  folder: string,
  origin: string,
  ...given: Parameters<Calls>
) {
  const script = await bundled(
    folder,
    `import { calls } from './calls.js'
     onmessage = async ({ data }) => postMessage(await calls(...data))`,
  )
  return await inPage(origin, (page) =>
    page.evaluate(`new Promise((resolve, reject) => {
      const script = new Blob([${JSON.stringify(script)}], { type: 'text/javascript' })
      const worker = new Worker(URL.createObjectURL(script))
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
      worker.postMessage(${JSON.stringify(given)})
    })`))
}

/** In a Worker of Cloudflare. */
export async function callsInWorkerd(folder: string, ...given: Parameters<Calls>) {
  const worker = await startWorkerd(
    await bundled(
      folder,
      `import { calls } from './calls.js'
       export default {
         async fetch(request) {
           if (request.method !== 'POST') return new Response()
           return Response.json(await calls(...await request.json()))
         },
       }`,
      'esm',
    ),
  )
  try {
    const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(given) })
    return await response.json() as unknown
  } finally {
    await worker.stop()
  }
}

export const chromiumMissing = existsSync(CHROMIUM) ? undefined : 'needs Chromium'
