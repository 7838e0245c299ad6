/** The service of openapi.test.ts, and its document. */
import { beforeAll } from 'vitest'
import { type Answer, type Call, useHttp } from '../../../support/http.ts'
import {
  type Document,
  operationsOf,
  type Schema,
  schemaFaults,
  undocumented as undocumentedIn,
} from '../../../support/openapi.ts'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)

export let document: Document

beforeAll(async () => {
  document = (await call('GET', '/openapi.json')).body as Document
})

export const operations = () => operationsOf(document)
export const faultsOf = (schema: Schema, value: unknown) => schemaFaults(document, schema, value)
export const undocumented = (method: string, path: string, answer: Answer) =>
  undocumentedIn(document, method, path, {
    status: answer.status,
    type: answer.headers['content-type']!,
    text: answer.text,
  })
