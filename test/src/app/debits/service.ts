/** The service of debits.test.ts. */
import { type Answer, type Call, useHttp } from '../../../support/http.ts'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)
export const user = (credit?: string | number) => http.user(credit)
export const debits = (body: unknown, headers: Record<string, string> = {}) =>
  call('POST', '/debits', body, headers)
export const resultsOf = (answer: Answer) =>
  (answer.body as { results: { status: number }[] }).results.map(({ status }) => status)
