/** The service of users.test.ts. */
import { type Call, useHttp } from '../../../support/http.ts'

export const NUMBERS = 'has more digits than can be read exactly'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)
export const user = (credit?: string | number) => http.user(credit)
