/** The service of metrics.test.ts, and what its metrics say. */
import { type Call, useHttp } from '../../../support/http.ts'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)

export const seriesIn = (text: string) =>
  new Map(
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
      const [, series, value] = /^(\S+(?:\{.*\})?) (\S+)$/.exec(line)!
      return [series!, Number(value)]
    }),
  )

export const OUTCOMES = [
  'ok',
  'replayed',
  'invalid_request',
  'invalid_idempotency_key',
  'unauthorized',
  'forbidden',
  'unknown_user',
  'payload_too_large',
  'unsupported_media_type',
  'user_frozen',
  'insufficient_funds',
  'idempotency_key_reused',
  'balance_out_of_range',
  'rate_limited',
  'busy',
  'outcome_unknown',
  'internal',
]
