/** Fifty copies of one request with a key, through every channel at once, happen once. */
import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { type Call, type Called, type Caller } from './call.ts'
import { perform } from './adapters.ts'
import { useHttp } from '../support/http.ts'
import { connectTo } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'

const http = useHttp()
const COPIES = 50
const CONNECTIONS = 8

/** 0 has 10.00 and a hold of 2.00, and gave 1.00 to 1 before. */
const COMMANDS: Called[] = [
  { kind: 'debit', user: 0, amount: 300n, key: 'k' },
  { kind: 'credit', user: 0, amount: 300n, key: 'k' },
  { kind: 'transfer', user: 0, to: 1, amount: 300n, key: 'k' },
  { kind: 'hold', user: 0, amount: 300n, seconds: null, key: 'k' },
  { kind: 'capture', user: 0, hold: 1, amount: null, final: true, key: 'k' },
  { kind: 'capture', user: 0, hold: 1, amount: 100n, final: false, key: 'k' },
  { kind: 'extend', user: 0, hold: 1, seconds: 7200, key: 'k' },
  { kind: 'release', user: 0, hold: 1, key: 'k' },
  { kind: 'reverse', user: 0, seq: 2, amount: null, key: 'k' },
  { kind: 'reverse', user: 0, seq: 2, amount: 50n, key: 'k' },
]

async function newUsers(): Promise<number[]> {
  const ids = [await http.user('11'), await http.user()]
  await http.sql`select transfer(${ids[0]!}, ${ids[1]!}, 1), place_hold(${ids[0]!}, 2, 3600)`
  return ids
}

test.each(COMMANDS.map((command) => [command.kind, command] as const))(
  '%s: all copies are answered the same, and all but one as a repeat',
  async (kind, command) => {
    const ids = await newUsers()
    const own: postgres.Sql[] = Array.from(
      { length: CONNECTIONS },
      () => connectTo(http.service.database.url, 'ledger_dba'),
    )
    const callerOf = (n: number): Caller => (
      { sql: own[n % CONNECTIONS]!, superuser: http.sql, url: http.service.url, ids }
    )
    const answers: string[] = []
    const left = Array.from({ length: COPIES }, (_, n) => n)
    const ask = async (n: number, call: Call) => {
      for (const { steps } of await perform(callerOf(n), call)) {
        answers.push(...steps.map(({ answer }) => answer.join()))
      }
    }
    const bySql: Call = { channel: 'sql', commands: [command] }
    const batch: Call = { channel: 'post', commands: [command, command] }
    // Through SQL one after the other on each connection, over HTTP all at once.
    await Promise.all([
      ...left.filter((n) => n % 2).map((n) => ask(n, { channel: 'http', commands: [command] })),
      ...own.map(async (_, i) => {
        for (const n of left) {
          if (n % 2 === 0 && n / 2 % CONNECTIONS === i) await ask(i, i % 2 ? batch : bySql)
        }
      }),
    ])
    await Promise.all(own.map((sql) => sql.end()))
    expect(answers.length).toBeGreaterThan(COPIES)
    const isFirst = (answer: string) => answer.endsWith('false')
    expect(answers.filter(isFirst)).toHaveLength(1)
    expect(new Set(answers.map((answer) => answer.replaceAll('false', 'true'))).size).toBe(1)
    expect(await findingsOf(http.sql)).toEqual([])

    // The same key of another user is another one, and answers nothing of the first's.
    const others = await newUsers()
    const channel = kind === 'hold' ? 'sql' : 'http'
    const [other] = await perform({ ...callerOf(0), sql: http.sql, ids: others }, {
      channel,
      commands: [command],
    })
    expect(other!.steps[0]!.answer.join()).toMatch(/false$/)
  },
)
