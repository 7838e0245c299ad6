/** The service of transfers.test.ts. */
import { type Call, useHttp } from '../../../support/http.ts'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)
export const user = (credit?: string | number) => http.user(credit)
export const transfer = (body: unknown, headers: Record<string, string> = {}) =>
  call('POST', '/transfers', body, headers)
