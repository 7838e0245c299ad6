/**
 * What others make of the document. LEDGER_TEST_TOOLS names a folder with their packages, which are
 * many: a copy of .ci/tools after `npm ci --ignore-scripts`, as .ci/run makes it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createLedgerClient } from '../../../client/ledger.ts'
import { freePort } from '../../../dev/ports.ts'
import { useHttp } from '../../support/http.ts'
import { run } from '../../support/run_typescript.ts'

const FOLDER = process.env['LEDGER_TEST_TOOLS']
const http = useHttp()
let text: string
let document: { paths: { '/users/{id}/history': { get: { summary: string } } } }

beforeAll(async () => {
  text = (await http.call('GET', '/openapi.json')).text
  document = JSON.parse(text) as typeof document
})
beforeEach(({ skip }) => {
  if (!FOLDER) skip('needs LEDGER_TEST_TOOLS, a folder with Prism and Postman')
})

test('a mock of Prism answers the client with examples, and refuses what is invalid', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-prism-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'openapi.json'), text)
  const port = await freePort()
  const program = join(FOLDER!, 'node_modules/@stoplight/prism-cli/dist/index.js')
  const options = ['mock', '--errors', '--port', String(port), join(folder, 'openapi.json')]
  const prism = run(['node', program, ...options], {})
  onTestFinished(() => prism.signal('SIGKILL'))
  await prism.line(/listening/)
  const client = createLedgerClient({ url: `http://127.0.0.1:${port}` })
  expect(await client.debitUser(1, { amount: '100.00' })).toMatchObject({ balance: '900.00' })
  expect((await client.listEntries(1)).entries).toHaveLength(2)
  expect((await client.postOperations([{ kind: 'recalculate', user_id: 1 }])).results)
    .toMatchObject([{ status: 201 }])
  await expect(client.debitUser(1, { amount: -1 })).rejects.toMatchObject({ status: 422 })
})

interface Part {
  key: string
  value: string
  disabled?: boolean
}

interface Item {
  name: string
  item?: Item[]
  request?: {
    method: string
    url: { path: string[]; query: Part[]; variable: Part[] }
    header: Part[]
    body?: { raw?: string }
  }
}

type Convert = (
  input: { type: 'string'; data: string },
  options: object,
  done: (error: Error | null, made: { result: boolean; output: { data: Item }[] }) => void,
) => void

/** The collection that Postman makes of the document, with its examples. */
async function collection(): Promise<Item> {
  const load = createRequire(join(FOLDER!, 'package.json')) as (name: string) => unknown
  const { convert } = load('openapi-to-postmanv2') as { convert: Convert }
  const options = { requestParametersResolution: 'Example', folderStrategy: 'Tags' }
  return await new Promise((resolve, reject) => {
    convert({ type: 'string', data: text }, options, (error, made) => {
      if (made.result) resolve(made.output[0]!.data)
      else reject(error ?? new Error('no collection'))
    })
  })
}

const requestsIn = ({ item = [], ...one }: Item): Item[] =>
  one.request ? [one] : item.flatMap(requestsIn)

test('each request of a collection of Postman works as it comes', async () => {
  await http.sql`select create_user(2), credit_user(1, 1000)`
  await http.sql`select debit_user(1, 100), place_hold(1, 100), place_hold(1, 100)`
  const requests = requestsIn(await collection())
  expect(requests.length).toBeGreaterThan(30)
  for (const { name, request } of requests) {
    // Its parameters are those of a page and those of a statement, all of them chosen.
    if (name === document.paths['/users/{id}/history'].get.summary) continue
    const { method, url, header, body } = request!
    const path = url.path.map((part) =>
      url.variable.find(({ key }) => `:${key}` === part)?.value ?? part
    ).join('/')
    const query = new URLSearchParams(given(url.query))
    const answer = await http.call(method, `/${path}?${query}`, body?.raw, given(header))
    expect.soft(answer.status, `${name}: ${answer.text}`).toBeLessThan(300)
  }
})

const given = (parts: Part[]) =>
  Object.fromEntries(
    parts.filter(({ disabled }) => !disabled).map(({ key, value }) => [key, value]),
  )
