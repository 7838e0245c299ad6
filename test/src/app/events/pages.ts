/** Pages of events. */
import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { createLedgerClient, CursorGoneError } from '../../../../client/ledger.ts'
import { createDatabase } from '../../../support/database.ts'
import { entryOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { serve } from '../../../support/service.ts'
import { loadConfig } from '../../../../src/config/config.ts'
import { get, http, id, namesOf, now, pageOf, readAll } from './service.ts'

/** A transaction that has debited a user and stays open. */
async function open(user: number): Promise<postgres.Sql> {
  const sql = http.connect()
  await sql`begin`
  await sql`select debit_user(${user}, 1)`
  return sql
}

describe('a page', () => {
  test('has what was committed before it was asked for, each as it is shown elsewhere', async () => {
    await http.call('POST', `/users/${id}/debit`, { amount: 3, metadata: { n: 1.10 } })
    await http.call('POST', `/users/${id}/freeze`, { reason: 'ticket 1' })
    const { events, next, has_more } = await pageOf(`after=${now}`)
    expect(events).toMatchObject([
      {
        id: expect.stringMatching(/^\d+-[0-9a-f]{16}$/),
        type: 'entry.posted',
        timestamp: 'TIME',
        user_id: id,
        data: entryOf(2, 'DEBIT', '3.00', '97.00', { metadata: { n: 1.1 } }),
      },
      {
        type: 'user.frozen',
        user_id: id,
        data: { number: 1, operation: 'freeze', reason: 'ticket 1', role: 'ledger_service' },
      },
    ])
    expect(next).toMatch(new RegExp(`^${events[1]!.id}-[0-9a-f]{8}$`))
    expect(has_more).toBe(false)
    expect(await pageOf(`after=${next}`)).toEqual({ events: [], next, has_more: false })
    expect(namesOf((await pageOf(`after=${events[0]!.id}`)).events))
      .toEqual([`user.frozen ${id}/1`])
  })

  test('never has reversed_by, so an event stays what it is', async () => {
    await http.sql`select debit_user(${id}, 3)`
    const { text: before } = await get(`after=${now}&limit=1`)
    await http.sql`select reverse_entry(${id}, 2)`
    expect((await get(`after=${now}&limit=1`)).text)
      .toBe(before.replace('"has_more":false', '"has_more":true'))
  })

  test('is cut where it was asked to be, and goes on', async () => {
    for (let n = 0; n < 5; n++) await http.sql`select debit_user(${id}, 1)`
    const first = await pageOf(`after=${now}&limit=3`)
    expect([first.events.length, first.has_more]).toEqual([3, true])
    expect(namesOf((await pageOf(`after=${first.next}&limit=3`)).events))
      .toEqual([`entry.posted ${id}/5`, `entry.posted ${id}/6`])
  })

  test('ends where it has a megabyte', async () => {
    const metadata = JSON.stringify({ text: 'x'.repeat(4000) })
    await http.sql`select count(debit_user(${id}, 0.01, metadata => ${metadata}::text::jsonb))
      from generate_series(1, 400)`
    const { events, has_more, next } = await pageOf(`after=${now}&limit=1000`)
    expect([has_more, events.length < 400]).toEqual([true, true])
    expect((await readAll(next)).events.length + events.length).toBe(400)
  })

  test('with a condition moves on without a match', async () => {
    await http.sql`select debit_user(${id}, 1), freeze_user(${id})`
    const other = await http.user(1)
    const { events, next } = await readAll(now, `&user=${other}`)
    expect(namesOf(events)).toEqual([`entry.posted ${other}/1`])
    expect((await readAll(next)).events).toEqual([])
    const frozen = await readAll(now, `&type=user.frozen&user=${id}`)
    expect(namesOf(frozen.events)).toEqual([`user.frozen ${id}/1`])
  })

  test('after=now has nothing that was there, and everything that comes', async () => {
    const { events, next } = await pageOf('after=now')
    expect(events).toEqual([])
    await http.sql`select debit_user(${id}, 1)`
    expect(namesOf((await readAll(next)).events)).toEqual([`entry.posted ${id}/2`])
  })

  test('refuses what is no cursor, and what it does not know', async () => {
    const message = 'must be `next` of a page, the id of an event, or now'
    for (const after of ['', '1', 'x', `1-${'0'.repeat(15)}`, '9'.repeat(90)]) {
      expectProblem(await get(`after=${after}`), 'invalid_request', invalid('after', message))
    }
    for (const query of ['limit=0', 'limit=1001', 'user=0', 'type=entry', 'before=1']) {
      expect((await get(query)).status, query).toBe(400)
    }
  })
})

describe('what commits late', () => {
  test('is waited for: nothing gets in before what was read', async () => {
    const [slow, quick] = [await http.user(10), await http.user(10)]
    const { next } = await readAll(now)
    const transaction = await open(slow)
    await http.sql`select debit_user(${quick}, 1)`
    const meanwhile = await readAll(next)
    expect(meanwhile.events).toEqual([])
    await transaction`commit`
    expect(namesOf((await readAll(meanwhile.next)).events))
      .toEqual([`entry.posted ${slow}/2`, `entry.posted ${quick}/2`])
  })

  test('is not waited for any more once it was rolled back', async () => {
    const [slow, quick] = [await http.user(10), await http.user(10)]
    const { next } = await readAll(now)
    const transaction = await open(slow)
    await http.sql`select debit_user(${quick}, 1)`
    await transaction`rollback`
    await expect.poll(async () => namesOf((await readAll(next)).events))
      .toEqual([`entry.posted ${quick}/2`])
  })

  test('is in everybody’s pages once, whatever else they wait for', async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => http.user(1000)))
    const { next: from } = await readAll(now)
    const seen: string[] = []
    const state = { isDone: false }
    const reader = (async () => {
      for (let next = from, isLast = false;;) {
        const page = await readAll(next)
        seen.push(...namesOf(page.events))
        next = page.next
        if (isLast && seen.length >= 5 * 40) return
        isLast = state.isDone
      }
    })()
    await Promise.all(users.map(async (user) => {
      const sql = http.connect()
      for (let n = 0; n < 20; n++) {
        await sql`begin`
        await sql`select debit_user(${user}, 1)`
        await sql`select pg_sleep(random() / 50)`
        await sql`select debit_user(${user}, 1)`
        await sql.unsafe('commit')
      }
    }))
    state.isDone = true
    await reader
    for (const user of users) {
      expect(seen.filter((name) => name.startsWith(`entry.posted ${user}/`)))
        .toEqual(Array.from({ length: 40 }, (_, n) => `entry.posted ${user}/${n + 2}`))
    }
    expect(seen).toHaveLength(200)
  })
})

describe('another history', () => {
  test('is cursor_gone, with the same place in it if there is one', async () => {
    await http.sql`select debit_user(${id}, 1)`
    const { next } = await readAll(now)
    const elsewhere = next.replace(/-[0-9a-f]{8}$/, '-00000000')
    expectProblem(await get(`after=${elsewhere}`), 'cursor_gone', { resume: next })
    const gone = next.replace(/-[0-9a-f]{16}-/, '-0000000000000000-')
    expectProblem(await get(`after=${gone}`), 'cursor_gone')
    expectProblem(await get(`after=${gone.replace(/-\w+$/, '-00000000')}`), 'cursor_gone')
    expectProblem(await get(`after=99999999-${'a'.repeat(16)}`), 'cursor_gone')
  })

  test('is noticed in a copy of the database, where everything goes on from `resume`', async () => {
    await http.sql`select debit_user(${id}, 1)`
    const { next } = await readAll(now)
    const copy = await createDatabase()
    const service = await serve({
      ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
      port: 0,
      databaseUrl: copy.serviceUrl,
    })
    try {
      const client = createLedgerClient({ url: service.url })
      await expect(client.listEvents({ after: next })).rejects.toBeInstanceOf(CursorGoneError)
      await expect(client.events({ after: next }).next()).rejects.toBeInstanceOf(CursorGoneError)
    } finally {
      await service.stop()
      await copy.drop()
    }
  })
})
