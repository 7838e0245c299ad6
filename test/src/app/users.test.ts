import { describe, expect, test, vi } from 'vitest'
import {
  type Answer,
  answerOf,
  type Call,
  entryOf,
  expectAnswer,
  expectNothingWritten,
  expectProblem,
  invalid,
  snapshotOf,
  useHttp,
} from '../../support/http.ts'
import { codeOf, historyOf, one, sealCredit, waitingPids } from '../../support/ledger.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'
const ID = 'must be digits, from 1 to 9007199254740991'
const NUMBERS = 'has more digits than can be read exactly'
const STRINGS = 'has a NUL or half a surrogate pair'

const http = useHttp()
const call: Call = (...request) => http.call(...request)
const user = (credit?: string | number) => http.user(credit)

/** A number with a name: its own digits would be changed by JSON.stringify. */
const withAmount = (literal: string) => `{"amount":${literal}}`

describe('POST /users', () => {
  test('makes a user with the next free id', async () => {
    const answer = await call('POST', '/users', {})
    const { id } = answer.body as { id: number }
    expectAnswer(answer, 201, snapshotOf(id, '0.00', 0), { location: `/users/${id}` })
    expectAnswer(
      await call('GET', `/users/${id}`, undefined, { 'Cache-Control': 'no-cache' }),
      200,
      snapshotOf(id, '0.00', 0),
      { 'x-cache': 'bypass' },
    )
  })

  test('needs no body at all', async () => {
    const answer = await call('POST', '/users')
    expect(answer).toMatchObject({ status: 201, body: { balance: '0.00', seq: 0 } })
  })

  test('with an id makes that user once, and answers 200 from then on', async () => {
    const id = 9007199254740991
    const first = await call('POST', '/users', { id })
    expectAnswer(first, 201, snapshotOf(id, '0.00', 0), { location: `/users/${id}` })
    await call('POST', `/users/${id}/credit`, { amount: 1 })
    expectAnswer(await call('POST', '/users', { id }), 200, snapshotOf(id, '1.00', 1))
  })

  test('an id that was given does not stand in the way of the next user', async () => {
    const { id } = (await call('POST', '/users', {})).body as { id: number }
    expect((await call('POST', '/users', { id: id + 1 })).status).toBe(201)
    expect((await call('POST', '/users', {})).body).toMatchObject({ id: id + 2 })
  })

  test.each([
    ['0', 'must be from 1 to 9007199254740991'],
    ['-1', 'must be from 1 to 9007199254740991'],
    ['1.5', 'must be a whole number from 1 to 9007199254740991'],
    ['9007199254740992', 'must be a whole number from 1 to 9007199254740991'],
    ['"7"', 'must be a whole number from 1 to 9007199254740991'],
    ['null', 'must be a whole number from 1 to 9007199254740991'],
    ['true', 'must be a whole number from 1 to 9007199254740991'],
    ['[1]', 'must be a whole number from 1 to 9007199254740991'],
  ])('refuses the id %s', async (id) => {
    const answer = await expectNothingWritten(http, () => call('POST', '/users', `{"id":${id}}`))
    expectProblem(
      answer,
      'invalid_request',
      invalid('id', 'must be a whole number from 1 to 9007199254740991'),
    )
  })

  test.each(['name', 'balance', 'toString', '__proto__', 'metadatas'])(
    'refuses the unknown member %s',
    async (name) => {
      const answer = await expectNothingWritten(http, () => call('POST', '/users', `{"${name}":1}`))
      expectProblem(answer, 'invalid_request', invalid(name, 'is unknown'))
    },
  )
})

describe('GET /users/:id', () => {
  test('is a miss, then a hit, and a bypass when it must be fresh', async () => {
    const id = await user('900')
    for (const cache of ['miss', 'hit', 'hit']) {
      expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '900.00', 1), {
        'x-cache': cache,
      })
    }
    for (const control of ['no-cache', 'No-Cache', 'max-age=0, no-cache', 'no-cache,no-store']) {
      expectAnswer(
        await call('GET', `/users/${id}`, undefined, { 'Cache-Control': control }),
        200,
        snapshotOf(id, '900.00', 1),
        { 'x-cache': 'bypass' },
      )
    }
  })

  test('HEAD is the same without a body', async () => {
    const id = await user('3')
    const head = await call('HEAD', `/users/${id}`)
    expect(head).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json', 'x-cache': 'miss' },
      text: '',
      body: '',
    })
  })

  test('a user nobody knows', async () => {
    expectProblem(await call('GET', '/users/4711'), 'unknown_user')
    expectProblem(
      await call('GET', '/users/4711', undefined, { 'Cache-Control': 'no-cache' }),
      'unknown_user',
    )
  })
})

describe('user ids in paths', () => {
  test('everything but digits from 1 to 9007199254740991 is refused on every route', async () => {
    const ids = [
      ['0', '00', '-1', '+1', '1.0', '1e3', '0x1', 'one', '%20', '1%20', '%201', '1%00', '%00'],
      ['9007199254740992', '9223372036854775807', '9223372036854775808', '1'.repeat(40)],
      ['%D9%A1', '1;drop', 'null', 'undefined', 'NaN', '%2F', '1%2F', '%ff', '%'],
    ].flat()
    await expectNothingWritten(http, async () => {
      for (const id of ids) {
        const answers = [
          await call('GET', `/users/${id}`),
          await call('POST', `/users/${id}/debit`, { amount: 1 }),
          await call('POST', `/users/${id}/credit`, { amount: 1 }),
          await call('POST', `/users/${id}/recalculate`, {}),
        ]
        for (const answer of answers) {
          expectProblem(answer, 'invalid_request', invalid('id', ID), {}, id)
        }
      }
    })
  })

  test('zeros in front and escaped digits change nothing', async () => {
    const id = await user('5')
    for (
      const path of [`0${id}`, `${'0'.repeat(30)}${id}`, `%3${String(id)[0]}${String(id).slice(1)}`]
    ) {
      expect(await call('GET', `/users/${path}`)).toMatchObject({ status: 200, body: { id } })
    }
  })

  test('the largest is a user like any other', async () => {
    expectProblem(
      await call('POST', '/users/9007199254740990/debit', { amount: 1 }),
      'unknown_user',
    )
  })
})

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

  test('takes 4096 bytes of metadata and not one more', async () => {
    const id = await user('100')
    const of = (bytes: number, letter: string) => {
      const rest = bytes - '{"m":""}'.length
      const size = new TextEncoder().encode(letter).length
      return { m: letter.repeat(Math.floor(rest / size)) + 'x'.repeat(rest % size) }
    }
    for (const letter of ['m', 'é', '€', '😀']) {
      const edge = { amount: 1, metadata: of(4096, letter) }
      expect((await call('POST', `/users/${id}/credit`, edge)).status).toBe(201)
      const answer = await expectNothingWritten(
        http,
        () => call('POST', `/users/${id}/${route}`, { amount: 1, metadata: of(4097, letter) }),
      )
      expectProblem(
        answer,
        'invalid_request',
        invalid('metadata', 'must be at most 4096 bytes of JSON'),
      )
    }
  })

  test('takes 4096 bytes of metadata made of the shortest members', async () => {
    const id = await user('100')
    // PostgreSQL prints a space after each comma and colon.
    const numbers = Array.from({ length: 2043 }, () => 1)
    const metadata = { m: [...numbers, 10] }
    expect(JSON.stringify(metadata)).toHaveLength(4096)
    expect((await call('POST', `/users/${id}/${route}`, { amount: 1, metadata })).status).toBe(201)
  })

  test('numbers that grow when PostgreSQL prints them are refused or kept, never a fault', async () => {
    const id = await user('100')
    const metadata = `{"m":[${Array.from({ length: 500 }, () => '1e308').join(',')}]}`
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, `{"amount":1,"metadata":${metadata}}`),
    )
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test('deep metadata is refused or kept, never a fault', async () => {
    const id = await user('100')
    for (const depth of [100, 2000, 10_000, 30_000]) {
      const metadata = `{"m":${'['.repeat(depth)}${']'.repeat(depth)}}`
      const answer = await call(
        'POST',
        `/users/${id}/${route}`,
        `{"amount":1,"metadata":${metadata}}`,
      )
      expect([depth, answer.status]).toEqual([depth, depth <= 2000 ? 201 : 400])
    }
  })

  test.each([
    ['{"amount":1,"metadata":{"a":"\\u0000"}}', 'metadata.a', STRINGS],
    ['{"amount":1,"metadata":{"a\\u0000":1}}', 'metadata.a\0', STRINGS],
    ['{"amount":1,"metadata":{"a":"\\ud800"}}', 'metadata.a', STRINGS],
    ['{"amount":1,"metadata":{"a":[0,0.1000000000000000055]}}', 'metadata.a.1', NUMBERS],
    ['{"amount":1,"metadata":{"a":12345678901234567890}}', 'metadata.a', NUMBERS],
    ['{"amount":1,"metadata":{"a":1,"a":1}}', 'metadata.a', 'is given twice'],
    ['{"amount":1,"amount":1}', 'amount', 'is given twice'],
    ['{"amount":1,"\\u0061mount":5}', 'amount', 'is given twice'],
  ])('refuses %s', async (body, path, message) => {
    const id = await user('100')
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, body),
    )
    expectProblem(answer, 'invalid_request', invalid(path, message))
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

  test('a repeat under the same key, bare or quoted, is the first answer byte for byte', async () => {
    const id = await user('100')
    const headers = { 'Idempotency-Key': 'abc-1' }
    const body = { amount: '1.50', metadata: { b: 1, a: [1.5, 'é'] } }
    const first = await call('POST', `/users/${id}/${route}`, body, headers)
    expect(first.status).toBe(201)
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    await call('POST', `/users/${id}/credit`, { amount: 5 })
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 7)`
    for (const key of ['abc-1', '"abc-1"', '"abc-1"']) {
      const again = await call('POST', `/users/${id}/${route}`, { ...body, amount: 1.5 }, {
        'Idempotency-Key': key,
      })
      expect(again.text).toBe(first.text)
      expect(again).toMatchObject({
        status: 201,
        headers: { ...first.headers, 'idempotency-replayed': 'true' },
      })
    }
    expect(await call('GET', `/users/${id}`, undefined, { 'Cache-Control': 'no-cache' }))
      .toMatchObject({ body: { balance: action === 'DEBIT' ? '110.50' : '113.50' } })
  })

  test('a key of psql is a key of HTTP, and the other way round', async () => {
    const id = await user('100')
    const f = http.sql(`${route}_user`)
    const [by] = await http.sql`select * from ${f}(${id}::bigint, 2.5, 'k-1')`
    const replay = await call('POST', `/users/${id}/${route}`, { amount: 2.5 }, {
      'Idempotency-Key': 'k-1',
    })
    const balance = action === 'DEBIT' ? '97.50' : '102.50'
    expectAnswer(
      replay,
      201,
      {
        ...snapshotOf(id, balance, 2),
        entry: entryOf(2, action, '2.50', balance, { idempotency_key: 'k-1' }),
      },
      { location: `/users/${id}/history/2`, 'idempotency-replayed': 'true' },
    )
    expect(by).toMatchObject({ seq: '2', balance, replayed: false })

    const first = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
      'Idempotency-Key': '"k \\" 2"'.replaceAll(' ', ''),
    })
    expect(first.body).toMatchObject({ entry: { idempotency_key: 'k"2', seq: 3 } })
    const [again] = await http.sql`select * from ${f}(${id}::bigint, 1, 'k"2')`
    expect(again).toMatchObject({ seq: '3', replayed: true })
    expect(await historyOf(http.sql, id)).toHaveLength(3)
  })

  test('the same key for something else is refused and writes nothing', async () => {
    const id = await user('100')
    const other = route === 'debit' ? 'credit' : 'debit'
    const headers = { 'Idempotency-Key': 'once' }
    await call('POST', `/users/${id}/${route}`, { amount: 1 }, headers)
    for (const [path, amount] of [[route, 2], [other, 1]]) {
      const answer = await expectNothingWritten(
        http,
        () => call('POST', `/users/${id}/${path}`, { amount }, headers),
      )
      expectProblem(answer, 'idempotency_key_reused')
    }
  })

  test('the same key of another user is another key', async () => {
    const ids = [await user('9'), await user('9')]
    for (const id of ids) {
      const answer = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
        'Idempotency-Key': 'mine',
      })
      expect(answer).toMatchObject({ status: 201, body: { id, seq: 2 } })
      expect(answer.headers['idempotency-replayed']).toBeUndefined()
    }
  })

  test('50 copies at once make one entry and get the same answer', async () => {
    const id = await user('100')
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        call('POST', `/users/${id}/${route}`, { amount: 3 }, {
          'Idempotency-Key': n % 2 ? 'copy' : '"copy"',
        })),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'])).toHaveLength(49)
    expect(await historyOf(http.sql, id)).toHaveLength(2)
  })

  test('refuses every other key', async () => {
    const id = await user('100')
    const keys = [
      ['', '""', '"', '"a', 'a b', '"a b"', 'é', '"é"', 'a\tb', '"a"b"', '"a\\b"', '"a", "b"'],
      ['a'.repeat(256), `"${'a'.repeat(256)}"`, '"a" ; p=1', 'a, a'],
    ].flat()
    await expectNothingWritten(http, async () => {
      for (const key of keys) {
        const answer = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
          'Idempotency-Key': key,
        })
        expectProblem(answer, 'invalid_idempotency_key', {}, {}, key)
      }
    })
  })

  test('takes keys of 1 to 255 visible characters', async () => {
    const id = await user('100')
    const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, n) => 33 + n))
    const bare = visible.slice(2)
    for (
      const key of ['a', '~', 'a'.repeat(255), bare, 'a,b', 'a"b', 'a\\b', `"${'b'.repeat(255)}"`]
    ) {
      const answer = await call('POST', `/users/${id}/${route}`, { amount: 0.01 }, {
        'Idempotency-Key': key,
      })
      expect(answer).toMatchObject({
        status: 201,
        body: { entry: { idempotency_key: key.replace(/^"(.*)"$/, '$1') } },
      })
    }
    const quoted = `"${visible.replace(/["\\]/g, '\\$&')}"`
    expect(
      await call('POST', `/users/${id}/${route}`, { amount: 0.01 }, { 'Idempotency-Key': quoted }),
    )
      .toMatchObject({ status: 201, body: { entry: { idempotency_key: visible } } })
  })
})

describe('debits', () => {
  test('more than there is: all the numbers, nothing written, and the key is free', async () => {
    const id = await user('99.99')
    const headers = { 'Idempotency-Key': 'again' }
    const refused = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/debit`, { amount: 100 }, headers),
    )
    const funds = { balance: '99.99', available: '99.99', required: '100.00', shortfall: '0.01' }
    expectProblem(refused, 'insufficient_funds', funds)
    await call('POST', `/users/${id}/credit`, { amount: '0.01' })
    const answer = await call('POST', `/users/${id}/debit`, { amount: 100 }, headers)
    expectAnswer(
      answer,
      201,
      {
        ...snapshotOf(id, '0.00', 3),
        entry: entryOf(3, 'DEBIT', '100.00', '0.00', { idempotency_key: 'again' }),
      },
      { location: `/users/${id}/history/3` },
    )
  })

  test('a new user has nothing', async () => {
    const id = await user()
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/debit`, { amount: '9999999999.99' }),
    )
    expectProblem(answer, 'insufficient_funds', {
      balance: '0.00',
      available: '0.00',
      required: '9999999999.99',
      shortfall: '9999999999.99',
    })
  })

  test('manual entries may take a balance below zero; a debit says so', async () => {
    const id = await user('5')
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 7.5)`
    expectProblem(await call('POST', `/users/${id}/debit`, { amount: 1 }), 'insufficient_funds', {
      balance: '-2.50',
      available: '-2.50',
      required: '1.00',
      shortfall: '3.50',
    })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '-2.50', 2), {
      'x-cache': 'hit',
    })
  })

  test('many at once take what there is and no more', async () => {
    const id = await user('10')
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => call('POST', `/users/${id}/debit`, { amount: 1 })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(20)
    expect(await historyOf(http.sql, id)).toHaveLength(11)
  })
})

test('a credit that leaves the range is refused, and its key stays free', async () => {
  const id = await user()
  await sealCredit(http.sql, id, { amount: '1', balance: '999999999999999999.00' })
  const headers = { 'Idempotency-Key': 'edge' }
  await call('POST', `/users/${id}/recalculate`)
  const answer = await expectNothingWritten(
    http,
    () => call('POST', `/users/${id}/credit`, { amount: 1 }, headers),
  )
  expectProblem(answer, 'balance_out_of_range')
  expect(await call('POST', `/users/${id}/credit`, { amount: '0.99' }, headers))
    .toMatchObject({ status: 201, body: { balance: '999999999999999999.99' } })
})

describe('POST /users/:id/recalculate', () => {
  test('posts manual entries and shows in the next read', async () => {
    const id = await user('10')
    await call('GET', `/users/${id}`)
    await http.sql`
      insert into payment_history (user_id, action, amount)
      values (${id}, 'CREDIT', 5), (${id}, 'DEBIT', 1), (${id}, 'CREDIT', 0.25)`
    expectAnswer(await call('POST', `/users/${id}/recalculate`), 200, snapshotOf(id, '14.25', 4))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '14.25', 4), {
      'x-cache': 'hit',
    })
    expect(await historyOf(http.sql, id))
      .toEqual(['+10.00=10.00', '+5.00=15.00', '-1.00=14.00', '+0.25=14.25'])
    expectAnswer(
      await call('POST', `/users/${id}/recalculate`, {}),
      200,
      snapshotOf(id, '14.25', 4),
    )
  })

  test('puts right what somebody wrote over a balance', async () => {
    const id = await user('10')
    await http.sql`update users set balance = 1000000 where id = ${id}`
    expectAnswer(
      await call('POST', `/users/${id}/recalculate`, {}),
      200,
      snapshotOf(id, '10.00', 1),
    )
    expect(await one(http.sql`select balance from users where id = ${id}`))
      .toMatchObject({ balance: '10.00' })
  })

  // Read afterwards, it would be how the user is once somebody else has changed it, too.
  test('answers how it has left the user, without another look', async () => {
    const id = await user('10')
    await http.sql`
      insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    await http.sql`revoke execute on function ledger.get_users from ledger_service`
    try {
      const fresh = { 'Cache-Control': 'no-cache' }
      expectProblem(await call('GET', `/users/${id}`, undefined, fresh), 'internal')
      expectAnswer(await call('POST', `/users/${id}/recalculate`), 200, snapshotOf(id, '15.00', 2))
    } finally {
      await http.sql`grant execute on function ledger.get_users to ledger_service`
    }
  })

  test('knows no members and no unknown users', async () => {
    const id = await user('10')
    const [member, unknown] = await expectNothingWritten(http, () =>
      Promise.all([
        call('POST', `/users/${id}/recalculate`, { amount: 1 }),
        call('POST', '/users/4711/recalculate'),
      ]))
    expectProblem(member, 'invalid_request', invalid('amount', 'is unknown'))
    expectProblem(unknown, 'unknown_user')
  })
})

test('a user who is held at psql is busy, and nobody else waits', async () => {
  const [held, other] = [await user('100'), await user('100')]
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  try {
    let isOver = false
    const busy = Promise.all([
      call('POST', `/users/${held}/debit`, { amount: 1 }, { 'Idempotency-Key': 'later' }),
      call('POST', `/users/${held}/credit`, { amount: 1 }),
      call('POST', `/users/${held}/recalculate`),
    ]).finally(() => isOver = true)
    let meanwhile = 0
    for (let n = 0; n < 20; n++) {
      const answer = await call('POST', `/users/${other}/debit`, { amount: 1 })
      expect(answer.status).toBe(201)
      if (!isOver) meanwhile++
    }
    expect(meanwhile).toBeGreaterThan(0)
    // A read waits for no lock.
    expect(await call('GET', `/users/${held}`)).toMatchObject({ body: { balance: '100.00' } })
    for (const answer of await busy) expectProblem(answer, 'busy')
  } finally {
    await psql`rollback`
  }
  expect(await historyOf(http.sql, held)).toEqual(['+100.00=100.00'])
  expect(await call('POST', `/users/${held}/debit`, { amount: 1 }, { 'Idempotency-Key': 'later' }))
    .toMatchObject({
      status: 201,
      headers: expect.not.objectContaining({ 'idempotency-replayed': '' }),
    })
})

test('one who waits for a short transaction of psql is served after it', async () => {
  const id = await user('100')
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${id}::bigint, 60)`
  const waiting = call('POST', `/users/${id}/debit`, { amount: 60 })
  await vi.waitUntil(async () => (await waitingPids(http.sql)).length > 0)
  await psql`commit`
  expectProblem(await waiting, 'insufficient_funds', {
    balance: '40.00',
    available: '40.00',
    required: '60.00',
    shortfall: '20.00',
  })
})

test('a bulk load is worked off a step at a time, while its user waits or is busy', async () => {
  const id = await user('1')
  await http.sql`
    insert into payment_history (user_id, action, amount)
    select ${id}, 'CREDIT', 0.01 from generate_series(1, 3500)`
  const statuses: number[] = []
  let answer: Answer
  do {
    answer = await call('POST', `/users/${id}/debit`, { amount: 36 })
    statuses.push(answer.status)
    if (answer.status === 503) expectProblem(answer, 'busy')
  } while (answer.status === 503 && statuses.length < 10)
  expectAnswer(
    answer,
    201,
    { ...snapshotOf(id, '0.00', 3502), entry: entryOf(3502, 'DEBIT', '36.00', '0.00') },
    { location: `/users/${id}/history/3502` },
  )
})

test('two Idempotency-Key lines are refused', async () => {
  const id = await user('100')
  for (const lines of [['a', 'b'], ['a', 'a'], ['"a"', '"b"'], ['', 'a']]) {
    const answer = await expectNothingWritten(http, async () => {
      const headers: [string, string][] = lines.map((line) => ['Idempotency-Key', line])
      return await answerOf(
        await fetch(`${http.service.url}/users/${id}/debit`, {
          method: 'POST',
          headers: [['Content-Type', 'application/json'], ...headers],
          body: '{"amount":1}',
        }),
      )
    })
    expectProblem(answer, 'invalid_idempotency_key', {}, {}, lines.join())
  }
})

test('what SQL refuses tells no more over HTTP than its code', async () => {
  const id = await user('1')
  expect(await codeOf(http.sql`select debit_user(${id}::bigint, 2)`)).toBe('LGFND')
  const answer = await call('POST', `/users/${id}/debit`, { amount: 2 })
  expect(answer.text).not.toMatch(/LGFND|select|detail/i)
})
