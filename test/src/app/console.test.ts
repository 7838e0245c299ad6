/** What /console is made of: a page that may load nothing from elsewhere, and its modules. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useHttp } from '../../support/http.ts'

const http = useHttp()
const JAVASCRIPT = 'text/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'

test('the page may load nothing from elsewhere, and has nothing inline', async () => {
  const response = await fetch(`${http.service.url}/console`)
  const page = await response.text()
  expect([response.status, response.headers.get('content-type')])
    .toEqual([200, 'text/html; charset=UTF-8'])
  const policy = response.headers.get('content-security-policy')!
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]* src=)/i)
  const targets = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, target]) => target!)
  // Relative: wherever a proxy puts the service.
  expect(targets.filter((target) => !/^(console\/|data:,$|#)/.test(target))).toEqual([])
})

test('every file of the console and of the client is there, without types', async () => {
  const files = ['console', 'client'].flatMap((folder) =>
    readdirSync(folder).filter((name) => /\.(ts|css)$/.test(name))
      .map((name) => `${folder === 'console' ? 'app' : folder}/${name}`)
  )
  expect(files.length).toBeGreaterThan(15)
  for (const path of [...files, 'chart/uPlot.esm.js', 'chart/uPlot.min.css']) {
    const { status, headers, text } = await http.call('GET', `/console/${path}`)
    const type = path.endsWith('.css') ? CSS : JAVASCRIPT
    expect([status, headers['content-type']], path).toEqual([200, type])
    expect(text, path).not.toMatch(/^(export )?(interface|type) \w/m)
  }
})

test('nothing else is there', async () => {
  const paths = ['app/package.json', 'app/index.html', 'app/tsconfig.json', 'app/none.ts']
    .concat('app/..%2fclient%2fapi.ts', 'app/%2e%2e', 'src/main.ts', 'constructor/main.ts')
    .concat('client/none.css', 'chart/none.js', 'chart/uPlot.d.ts', 'app/a%00.ts')
  for (const path of paths) {
    const { status } = await http.call('GET', `/console/${path}`)
    expect(status, path).toBe(404)
  }
})

test('while access is off a caller may do everything, and has no name', async () => {
  const { status, body } = await http.call('GET', '/me')
  expect([status, body]).toEqual([200, {
    scopes: ['read', 'debit', 'credit', 'transfer', 'hold', 'reverse', 'journal', 'admin'],
  }])
})
