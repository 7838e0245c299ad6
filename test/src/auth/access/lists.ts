/** Items of lists, and ids written otherwise. */
import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { bearer } from '../../../support/access.ts'
import { expectNothingWritten } from '../../../support/http.ts'
import { FOREIGN, type Headers, http, MISSING, OWN } from './callers.ts'

describe('every caller at every route', () => {
  test('an item of a list needs the scope of its route, and users of the caller', async () => {
    const items = (user: number) => [
      { kind: 'debit', user_id: user, amount: 1 },
      { kind: 'credit', user_id: user, amount: 1 },
      { kind: 'transfer', from: OWN, to: user, amount: 1 },
      { kind: 'hold', user_id: user, amount: 1 },
      { kind: 'capture', user_id: user, hold: 4711 },
      { kind: 'extend', user_id: user, hold: 4711, expires_in: null },
      { kind: 'release', user_id: user, hold: 4711 },
      { kind: 'reverse', user_id: user, seq: 4711 },
      { kind: 'recalculate', user_id: user },
    ]
    const refused = async (user: number, headers: Headers) => {
      const { body } = await http.call('POST', '/operations', items(user), headers)
      return (body as { results: { body: { code?: string } }[] }).results
        .flatMap(({ body: { code } }, n) => code === 'forbidden' ? [items(user)[n]!.kind] : [])
    }
    const all = items(1).map(({ kind }) => kind)
    const needed: Record<string, string[]> = {
      hold: ['hold', 'capture', 'extend', 'release'],
      admin: ['recalculate'],
    }
    for (const scope of SCOPES) {
      const allowed = needed[scope] ?? [scope]
      expect(await refused(FOREIGN, bearer(`only-${scope}`)), scope)
        .toEqual(all.filter((kind) => !allowed.includes(kind)))
    }
    await expectNothingWritten(http, async () => {
      for (const user of [FOREIGN, MISSING]) {
        expect(await refused(user, bearer('mine-old'))).toEqual(all)
      }
    })
    expect(await refused(OWN, bearer('mine-old'))).toEqual([])
  })

  test('a foreign user is foreign however the number is written', async () => {
    const headers = bearer('mine-old')
    await expectNothingWritten(http, async () => {
      for (const id of [`0${FOREIGN}`, '%31%32', '1%32', '000012', '12?id=11', '12#11', '12;11']) {
        const answer = await http.call('GET', `/users/${id}`, undefined, headers)
        expect([400, 403], id).toContain(answer.status)
        expect(answer.text, id).not.toContain('balance"')
      }
      for (
        const path of [
          '/users/12/',
          '/users/12/nothing',
          '/users//12',
          '//users/12',
          '/users/11/../12',
        ]
      ) {
        const answer = await http.call('GET', path, undefined, headers)
        expect([403, 404], path).toContain(answer.status)
      }
      for (
        const body of ['{"from":11,"to":12,"to":11,"amount":1}', '{"from":11,"to":12.0,"amount":1}']
      ) {
        expect([400, 403]).toContain((await http.call('POST', '/transfers', body, headers)).status)
      }
    })
    expect((await http.call('GET', `/users/0${OWN}`, undefined, headers)).status).toBe(200)
  })

  test('POST /debits answers for each item as the single call would', async () => {
    const items = [OWN, FOREIGN, MISSING, OWN].map((user_id) => ({ user_id, amount: 1 }))
    const before = await http.sql`select balance from users where id = ${FOREIGN}`
    const { status, body } = await http.call('POST', '/debits', items, bearer('mine-old'))
    const results = (body as { results: Record<string, unknown>[] }).results
    const { text } = await http.call(
      'POST',
      `/users/${FOREIGN}/debit`,
      { amount: 1 },
      bearer('mine-old'),
    )
    expect([status, ...results.map((result) => result['status'])]).toEqual([
      200,
      201,
      403,
      403,
      201,
    ])
    expect(results.slice(1, 3)).toEqual([JSON.parse(text), JSON.parse(text)])
    expect(await http.sql`select balance from users where id = ${FOREIGN}`).toEqual(before)
  })
})
