/** Statements: their forms, and how they end. */
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { call, history, http, load, sealedAt, user } from './service.ts'

describe('statements', () => {
  const ndjson = { Accept: 'application/x-ndjson' }
  const csv = { Accept: 'text/csv' }
  const HEADER = 'kind,seq,action,amount,balance,ts,posted_at,held,idempotency_key,metadata,' +
    'transfer_user_id,transfer_seq,reverses,reversed_by,hold,hash,erased_by,archived_by'

  const linesOf = (text: string) =>
    text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

  test('as lines of JSON: opening, entries oldest first, closing with the last hash', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const answer = await history(id, '', ndjson)
    expect(answer.headers['content-type']).toBe('application/x-ndjson')
    const lines = linesOf(answer.text)
    const entries = await Promise.all(
      [1, 2].map(async (seq) =>
        JSON.parse((await call('GET', `/users/${id}/history/${seq}`)).text)
      ),
    )
    expect(lines).toEqual([
      { opening: { at: null, seq: 0, balance: '0.00', hash: null } },
      ...entries.map((entry) => ({ ...entry, posted_at: entry.ts, held: '0.00' })),
      { closing: { at: expect.any(String), seq: 2, balance: '6.00', hash: entries[1].hash } },
    ])
  })

  test('as CSV, safe for spreadsheets', async () => {
    const [id, to] = [await user('10'), await user()]
    const post = (key: string, metadata?: object) =>
      call('POST', `/users/${id}/debit`, { amount: 1, metadata }, { 'Idempotency-Key': key })
    await post('=1+1', { a: 'x,"y"' })
    await post('-2,"3"')
    await post('@cmd')
    await call('POST', '/transfers', { from: id, to, amount: 1 }, { 'Idempotency-Key': '+4' })
    const response = await fetch(`${http.service.url}/users/${id}/history`, { headers: csv })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="user-${id}.csv"`,
      'vary': 'Accept',
    })
    const text = (await response.text())
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/[0-9a-f]{64}/g, 'HASH')
    expect(text.split('\r\n')).toEqual([
      HEADER,
      'opening,0,,,0.00,,,,,,,,,,,,,',
      'entry,1,CREDIT,10.00,10.00,TIME,TIME,0.00,,,,,,,,HASH,,',
      `entry,2,DEBIT,1.00,9.00,TIME,TIME,0.00,'=1+1,"{""a"": ""x,\\""y\\""""}",,,,,,HASH,,`,
      `entry,3,DEBIT,1.00,8.00,TIME,TIME,0.00,"'-2,""3""",,,,,,,HASH,,`,
      `entry,4,DEBIT,1.00,7.00,TIME,TIME,0.00,'@cmd,,,,,,,HASH,,`,
      `entry,5,DEBIT,1.00,6.00,TIME,TIME,0.00,'+4,,${to},1,,,,HASH,,`,
      'closing,5,,,6.00,TIME,,,,,,,,,,HASH,,',
      '',
    ])
  })

  test('after from, up to to; what came later is not in it', async () => {
    const id = await user('10')
    for (let n = 0; n < 4; n++) await call('POST', `/users/${id}/debit`, { amount: 1 })
    await call('POST', `/users/${id}/history/3/reverse`)
    const [from, to] = [await sealedAt(id, 2), await sealedAt(id, 4)]
    const statement = async (query: string) => linesOf((await history(id, query, ndjson)).text)
    const lines = await statement(`?from=${from}&to=${to}`)
    expect(lines).toMatchObject([
      { opening: { at: from, seq: 2, balance: '9.00' } },
      { seq: 3 },
      { seq: 4 },
      { closing: { at: to, seq: 4, balance: '7.00' } },
    ])
    expect(lines[1]).not.toHaveProperty('reversed_by')
    expect(await statement(`?from=${to}`)).toMatchObject([
      { opening: { seq: 4 } },
      { seq: 5 },
      { seq: 6, reverses: 3 },
      { closing: { seq: 6 } },
    ])
    expect(await statement(`?from=${to}&to=${to}`)).toMatchObject([
      { opening: { seq: 4, balance: '7.00' } },
      { closing: { seq: 4, balance: '7.00' } },
    ])
    // An end in the future is now.
    const [last] = (await statement('?to=2999-01-01T00:00:00Z')).slice(-1) as [
      { closing: { at: string } },
    ]
    expect(new Date(last.closing.at) <= new Date()).toBe(true)
  })

  test('only when asked for', async () => {
    const id = await user('1')
    const typeFor = async (Accept: string) =>
      (await history(id, '', { Accept })).headers['content-type']
    for (const accept of ['*/*', 'application/json', 'text/html', 'text/csv;q=0']) {
      expect(await typeFor(accept), accept).toBe('application/json')
    }
    expect(await typeFor('text/csv;q=0.2, application/x-ndjson')).toBe('application/x-ndjson')
    expect(await typeFor('text/csv, */*;q=0.1')).toBe('text/csv; charset=utf-8; header=present')
  })

  test('HEAD has the headers and asks for no entries', async () => {
    const id = await user('1')
    const response = await fetch(`${http.service.url}/users/${id}/history`, {
      method: 'HEAD',
      headers: csv,
    })
    expect(response.headers.get('content-type')).toContain('text/csv')
    expect(await response.text()).toBe('')
  })

  test('of 20,000 entries is whole while somebody writes', async () => {
    const id = await user()
    await load(id, 20_000)
    const [answer] = await Promise.all([
      history(id, '', ndjson),
      call('POST', `/users/${id}/debit`, { amount: 1 }),
    ])
    const lines = linesOf(answer.text)
    const closing = lines.at(-1) as { closing: { seq: number; hash: string } }
    expect(closing.closing.seq).toBeGreaterThanOrEqual(20_000)
    expect(lines.slice(1, -1).map(({ seq }) => seq))
      .toEqual(Array.from({ length: closing.closing.seq }, (_, n) => n + 1))
    expect(lines.at(-2)).toMatchObject({ hash: closing.closing.hash })
  })

  describe('without get_statement from some moment on', () => {
    let id: number

    beforeAll(async () => {
      id = await user()
      // More than the buffers between the service and its reader have room for.
      await load(id, 4_000, 'x'.repeat(8_000))
    })

    const start = async () => {
      const { status, body } = await fetch(`${http.service.url}/users/${id}/history`, {
        headers: ndjson,
      })
      expect(status).toBe(200)
      return body!.getReader()
    }
    const readAll = async (reader: ReadableStreamDefaultReader) => {
      while (!(await reader.read()).done) { /* Go on. */ }
    }
    const breaksOff = () => http.logged.filter((line) => line.includes('"code":"42883"')).length
    const remove = async () => {
      await http.sql`alter function ledger.get_statement rename to gone_statement`
      onTestFinished(async () => {
        await http.sql`alter function ledger.gone_statement rename to get_statement`
      })
    }

    const callsSoFar = async () => {
      const { text } = await call('GET', '/metrics')
      const count = /^ledger_database_call_duration_seconds_count\{call="get_statement"\} (\d+)/m
      return Number(count.exec(text)?.[1] ?? 0)
    }

    test('whoever has gone away has stopped the queries', async () => {
      const before = await callsSoFar()
      await start().then(readAll)
      const whole = await callsSoFar() - before
      const reader = await start()
      await reader.read()
      await reader.cancel()
      let calls = NaN
      // One that went on would be through before long.
      await vi.waitUntil(async () => calls === (calls = await callsSoFar()), { interval: 500 })
      expect(calls - before - whole).toBeLessThan(whole)
    })

    test('a statement is an error, not a short one', async () => {
      await remove()
      await expect(start().then(readAll)).rejects.toBeInstanceOf(Error)
      expect(breaksOff()).toBe(1)
    })

    test('whoever reads slowly sees that: nothing is gathered for them', async () => {
      const reader = await start()
      await reader.read()
      await remove()
      await expect(readAll(reader)).rejects.toBeInstanceOf(Error)
    })
  })
})
