/** Amounts of debits and credits, and what is no amount. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { one } from '../../../support/ledger.ts'
import { call, http, NUMBERS, user } from './service.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'

/** A number with a name: its own digits would be changed by JSON.stringify. */
const withAmount = (literal: string) => `{"amount":${literal}}`

describe.each([['debit', 'DEBIT', 'LGFND'], ['credit', 'CREDIT', 'LGRNG']])('POST /users/:id/%s', (
  route,
  action,
) => {
  test('takes amounts as numbers and as strings', async () => {
    const id = await user()
    await http.sql`
      insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 5000000000 from generate_series(1, 20)`
    let cents = 100_000_000_000n * 100n
    let seq = 20
    const format = (value: bigint) =>
      `${String(value).slice(0, -2).padStart(1, '0')}.${String(value).slice(-2).padStart(2, '0')}`
    const rows: [string, bigint][] = [
      ['1', 100n],
      ['0.01', 1n],
      ['0.1', 10n],
      ['10.5', 1050n],
      ['10.50', 1050n],
      ['10.500', 1050n],
      ['1e2', 10000n],
      ['1E-2', 1n],
      ['0.07', 7n],
      ['1.15', 115n],
      ['8.2', 820n],
      ['4503599627.37', 450359962737n],
      ['9999999999.99', 999999999999n],
      ['9999999999', 999999999900n],
      ['"1"', 100n],
      ['"0.01"', 1n],
      ['"0.1"', 10n],
      ['"10.50"', 1050n],
      ['"9999999999.99"', 999999999999n],
      ['"\\u0031"', 100n],
    ]
    for (const [literal, amount] of rows) {
      const answer = await call('POST', `/users/${id}/${route}`, withAmount(literal))
      cents += action === 'DEBIT' ? -amount : amount
      seq++
      const balance = format(cents)
      expectAnswer(
        answer,
        201,
        {
          ...snapshotOf(id, balance, seq),
          entry: entryOf(seq, action, format(amount), balance),
        },
        { location: `/users/${id}/history/${seq}` },
      )
    }
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, format(cents), seq), {
      'x-cache': 'hit',
    })
  })

  test('refuses every other amount', async () => {
    const id = await user('100')
    const refused = [
      ['0', '-0', '0.0', '-1', '-0.01', '0.001', '0.005', '0.009', '10.501', '1.005', '1e-3'],
      ['10000000000', '9999999999.991', '9999999999.995', '1e10', '1e21', '1e308', '5e-324'],
      ['null', 'true', 'false', '[]', '{}', '[1]', '["1"]', '{"amount":1}'],
      ['""', '" "', '"0"', '"0.00"', '"-1"', '"+1"', '"1,5"', '"1e2"', '"1E2"', '"1."', '".5"'],
      ['"1.000"', '"0.001"', '"01"', '"00.1"', '" 1"', '"1 "', '"1\\n"', '"0x10"', '"NaN"'],
      ['"Infinity"', '"-Infinity"', '"1_000"', '"1 000"', '"10000000000"', '"9999999999.999"'],
      ['"١"', '"１"', '"1.5.0"', '"1/2"', '"$1"', '"1; drop table users"', '"null"'],
    ].flat()
    const changed = [
      ['1e400', '-1e400', '1e-400', '0.1000000000000000000000000000000000000001'],
      ['1'.repeat(40), '9999999999.990000000000000001', '9007199254740993'],
    ].flat()
    await expectNothingWritten(http, async () => {
      for (const literal of [...refused, ...changed]) {
        const answer = await call('POST', `/users/${id}/${route}`, withAmount(literal))
        expectProblem(
          answer,
          'invalid_request',
          invalid('amount', changed.includes(literal) ? NUMBERS : AMOUNT),
          {},
          literal,
        )
      }
    })
  })

  test.each([
    [{}, [['amount', AMOUNT]]],
    [{ amount: 1, x: 1 }, [['x', 'is unknown']]],
    [{ amount: 1, idempotency_key: 'k' }, [['idempotency_key', 'is unknown']]],
    [{ amount: 1, Amount: 1, AMOUNT: 2 }, [['Amount', 'is unknown'], ['AMOUNT', 'is unknown']]],
    [{ amount: 0, x: 1 }, [['amount', AMOUNT], ['x', 'is unknown']]],
    [{ amount: 1, metadata: null }, [['metadata', 'must be an object']]],
    [{ amount: 1, metadata: [] }, [['metadata', 'must be an object']]],
    [{ amount: 1, metadata: 'x' }, [['metadata', 'must be an object']]],
    [{ amount: 1, metadata: 7 }, [['metadata', 'must be an object']]],
  ])('refuses the body %j', async (body, errors) => {
    const id = await user('100')
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, body),
    )
    expectProblem(answer, 'invalid_request', {
      errors: errors.map(([path, message]) => ({ path, message })),
    })
  })

  test('refuses __proto__ as an unknown member', async () => {
    const id = await user('100')
    const body = '{"amount":1,"__proto__":{"amount":5}}'
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, body),
    )
    expectProblem(answer, 'invalid_request', invalid('__proto__', 'is unknown'))
  })

  test.each([
    '{}',
    '{"a":1}',
    '{"a":{"b":[1,2.5,-3e-7,1e25,null,true,"é\\u0000x"]}}'.replace('\\u0000', ''),
    '{"":""}',
    '{"amount":"1"}',
    '{"constructor":1,"toString":{"x":1}}',
    '{"__proto__":{"x":1}}',
    '{"n":1234567.89,"z":0}',
  ])('keeps the metadata %s', async (metadata) => {
    const id = await user('100')
    const answer = await call(
      'POST',
      `/users/${id}/${route}`,
      `{"amount":1,"metadata":${metadata}}`,
    )
    expect(answer.status).toBe(201)
    const { same } = await one(http.sql<{ same: boolean }[]>`
      select metadata = ${metadata}::text::jsonb as same from payment_history
       where user_id = ${id} and seq = 2`)
    expect(same).toBe(true)
    expect(answer.text).toContain('"metadata":{')
    const { entry } = answer.body as { entry: { metadata: object } }
    const expected = JSON.parse(metadata) as object
    // Not with toEqual: it doesn't see a member called __proto__.
    expect(new Map(Object.entries(entry.metadata))).toEqual(new Map(Object.entries(expected)))
  })

  test('a user nobody knows', async () => {
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/4711/${route}`, { amount: 1 }),
    )
    expectProblem(answer, 'unknown_user')
  })

  test('posts manual entries first', async () => {
    const id = await user('100')
    await http.sql`
      insert into payment_history (user_id, action, amount)
      values (${id}, 'CREDIT', 50), (${id}, 'DEBIT', 0.5)`
    const balance = action === 'DEBIT' ? '140.50' : '158.50'
    expectAnswer(
      await call('POST', `/users/${id}/${route}`, { amount: 9 }),
      201,
      { ...snapshotOf(id, balance, 4), entry: entryOf(4, action, '9.00', balance) },
      { location: `/users/${id}/history/4` },
    )
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, balance, 4), {
      'x-cache': 'hit',
    })
  })
})
