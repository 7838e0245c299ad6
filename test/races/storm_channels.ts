/** The ways in which a storm debits a user. */
import postgres from 'postgres'
import { one, retrying } from '../support/ledger.ts'

export interface StormOptions {
  /** Of the database, as superuser. */
  url: string
  seed: number
  /** Of a service on that database. */
  http?: string
  debits?: number
}

/** What one debit was answered. */
export interface Answer {
  user: number
  seq: number
  balance: string
  key: string | undefined
}
/** Above what anybody needs on a busy machine. */
const MAX_TRIES = 2_000
/** Who tries again at once has had all tries before the one who holds the user has ended. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 5))

/** What a storm is about, and what came of it so far. */
export interface Scene extends StormOptions {
  user: number
  bystander: number
  answers: Answer[]
  violations: Set<string>
  channels: Record<string, number>
  refused: number
}
type Channel = (sql: postgres.Sql, scene: Scene, key: string | undefined) => Promise<void>

function note(scene: Scene, key: string | undefined, row: postgres.Row, who = scene.user) {
  scene.answers.push({ user: who, seq: Number(row['seq']), balance: row['balance'] as string, key })
}

export const CHANNELS: Record<string, Channel> = {
  async call(sql, scene, key) {
    const row = await one(sql`select * from debit_user(${scene.user}, 1, ${key ?? null}::text)`)
    note(scene, key, row)
  },
  async transaction(sql, scene, key) {
    const level = key ? 'serializable' : 'repeatable read'
    const row = await retrying(async () => {
      await sql.unsafe(`begin isolation level ${level}`)
      try {
        const row = await one(sql`select * from debit_user(${scene.user}, 1, ${key ?? null}::text)`)
        await sql`commit`
        return row
      } catch (error) {
        await sql`rollback`
        throw error
      }
    })
    note(scene, key, row)
  },
  async batch(sql, scene, key) {
    const { user, bystander } = scene
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const rows = await sql`select * from debit_users(
        ${`{${bystander},${user}}`}::bigint[], '{1,1}', ${`{null,${key ?? 'null'}}`}::text[])`
      const [other, mine] = rows
      if (other!['status'] === 'ok') note(scene, undefined, other!, bystander)
      if (other!['status'] === 'LGFND') scene.violations.add('the bystander was refused')
      if (mine!['status'] === '55P03') {
        await pause()
        continue
      }
      if (mine!['status'] !== 'ok') throw codeError(mine!['status'] as string)
      return note(scene, key, mine!)
    }
    throw codeError('55P03')
  },
  async http(_sql, scene, key) {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const response = await fetch(`${scene.http}/users/${scene.user}/debit`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
        body: '{"amount": 1}',
      })
      const body = await response.json() as { code?: string; entry: postgres.Row }
      if (body.code === 'busy') {
        await pause()
        continue
      }
      if (body.code === 'insufficient_funds') throw codeError('LGFND')
      if (response.status !== 201) throw codeError(`${response.status} ${body.code}`)
      return note(scene, key, body.entry)
    }
    throw codeError('busy')
  },
}

const codeError = (code: string) => Object.assign(new Error(code), { code })
