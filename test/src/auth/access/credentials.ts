/** Tokens and JWT that change, and refusals that are counted. */
import { describe, expect, test } from 'vitest'
import { bearer } from '../../../support/access.ts'
import { expectProblem } from '../../../support/problems.ts'
import { inSeconds, makeKey, signed } from '../../../support/issuer.ts'
import { FOREIGN, type Headers, http, INVALID, key, MINE, OWN } from './callers.ts'

describe('tokens', () => {
  test('both of a caller work while they are exchanged', async () => {
    for (const token of MINE.tokens) {
      expect((await http.call('GET', `/users/${OWN}`, undefined, bearer(token))).status).toBe(200)
    }
  })

  test('the scheme may be written in any case', async () => {
    const headers = { Authorization: 'bEARER  all-of-them' }
    expect((await http.call('GET', `/users/${OWN}`, undefined, headers)).status).toBe(200)
  })

  test('are never logged', async () => {
    const jwt = await signed(key, { scope: 'read' })
    for (const token of ['all-of-them', 'nobody-has-this', jwt]) {
      for (const path of [`/users/${OWN}`, '/nothing', `/users/${OWN}/debit`]) {
        await http.call('GET', path, undefined, bearer(token))
      }
    }
    expect(http.logged.join('\n')).not.toMatch(/all-of-them|nobody-has-this|eyJ/)
  })
})

describe('JWT', () => {
  const read = (token: string) => http.call('GET', `/users/${OWN}`, undefined, bearer(token))

  test('one that worked a moment ago works no more when it has ended', async () => {
    const token = await signed(key, { scope: 'read', exp: inSeconds(2) })
    expect((await read(token)).status).toBe(200)
    let answer = await read(token)
    while (answer.status === 200) answer = await read(token)
    expectProblem(answer, 'unauthorized', {}, INVALID)
  })

  test('a new key counts once the issuer shows it', async () => {
    const other = await makeKey('other')
    expect((await read(await signed(other, { scope: 'read' }))).status).toBe(401)
    expect((await read(await signed(key, { scope: 'read' }))).status).toBe(200)
  })
})

describe('refusals are counted by reason', () => {
  const RELEVANT = /^access_refusals_total\{reason="(\w+)"\} (\d+)$/gm

  async function counts(): Promise<Record<string, number>> {
    const { text } = await http.call('GET', '/metrics', undefined, bearer('all-of-them'))
    return Object.fromEntries(
      [...text.matchAll(RELEVANT)].map(([, reason, n]) => [reason, Number(n)]),
    )
  }

  const debits = async (outcome: string) => {
    const { text } = await http.call('GET', '/metrics', undefined, bearer('all-of-them'))
    return Number(
      new RegExp(`user_debit_requests_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)![1],
    )
  }

  test.each<[string, () => Promise<Headers>]>([
    ['no_token', () => Promise.resolve({})],
    ['invalid', () => Promise.resolve({ Authorization: 'Basic x' })],
    ['unknown', () => Promise.resolve(bearer('nobody-has-this'))],
    ['expired', async () => bearer(await signed(key, { exp: 1 }))],
    ['scope', () => Promise.resolve(bearer('only-read'))],
    ['user', () => Promise.resolve(bearer('mine-old'))],
  ])('%s, and a debit that was refused is among the debits', async (reason, headers) => {
    const code = ['scope', 'user'].includes(reason) ? 'forbidden' : 'unauthorized'
    const [before, outcomes] = [await counts(), await debits(code)]
    expect(Object.keys(before)).toHaveLength(8)
    await http.call('POST', `/users/${FOREIGN}/debit`, { amount: 1 }, await headers())
    const after = await counts()
    expect(after).toEqual({ ...before, [reason]: before[reason]! + 1 })
    expect(await debits(code)).toBe(outcomes + 1)
  })
})
