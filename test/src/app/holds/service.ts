/** The service of holds.test.ts. */
import { expect } from 'vitest'
import { type Call, useHttp } from '../../../support/http.ts'

export const ID = 'must be digits, from 1 to 9007199254740991'
export const EXPIRES = 'must be from 0.001 to 3155760000, with at most three decimals'
export const REPLAYED = { 'idempotency-replayed': 'true' }

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)
export const user = (credit?: string | number) => http.user(credit)
export const place = (id: number, body: unknown, headers: Record<string, string> = {}) =>
  call('POST', `/users/${id}/holds`, body, headers)
export const close = (
  id: number,
  hold: number | string,
  how: 'capture' | 'extend' | 'release',
  body?: unknown,
  headers: Record<string, string> = {},
) => call('POST', `/users/${id}/holds/${hold}/${how}`, body, headers)

export const holdOf = (
  hold: number,
  user_id: number,
  amount: string,
  available: string,
  expires_at: string | null = null,
) => ({ hold, user_id, amount, status: 'active', expires_at, available })

/** It expires an hour after a moment between then and now. */
export function expectHourFrom(before_ms: number, { text }: { text: string }) {
  const { expires_at } = JSON.parse(text) as { expires_at: string }
  const placed_ms = Date.parse(expires_at) - 3_600_000
  expect([before_ms, placed_ms, Date.now()].toSorted((a, b) => a - b)[1]).toBe(placed_ms)
}
