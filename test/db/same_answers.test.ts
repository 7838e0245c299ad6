/**
 * Whatever is asked of the ledger, it answers and writes the same through the functions for people,
 * one call after the other, through one call of ledger.post, and through calls of random sizes; and
 * so it does where users may be on several servers.
 * LEDGER_TEST_SEED repeats what a failure names.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findingsOf } from '../support/findings.ts'
import { one, useLedger } from '../support/ledger.ts'
import { array, callAlone, type Operation, postAll, type Said } from '../support/post.ts'
import { verifyUser } from '../support/tampering.ts'
import { SEED, shareOf } from '../support/share.ts'
import { makeShards } from '../support/shards.ts'
import { type Numbered, type Step, steps, UNKNOWN_ID, USERS } from './random_steps.ts'

const ledger = useLedger()

const newUsers = async () => {
  const ids: number[] = []
  for (let n = 0; n < USERS; n++) ids.push(await ledger.user(n === 0 ? 20 : undefined))
  return ids
}

const named = (ids: number[], { user, peer, ...rest }: Numbered): Operation => ({
  ...rest,
  user: ids[user] ?? UNKNOWN_ID,
  ...(peer !== undefined && { peer: ids[peer] ?? UNKNOWN_ID }),
})

/** Does the operations of each step by `work`, and says what it answers and leaves. */
async function outcome(
  all: Step[],
  work: (operations: Operation[], ids: number[]) => Promise<Said[]>,
) {
  const { sql } = ledger
  const ids = await newUsers()
  const answers: string[] = []
  for (const { control, pending, operations } of all) {
    if (control) {
      const { call, user } = control
      await sql`select ${sql(call)}(${ids[user]!}${call === 'set_credit_limit' ? sql`, 7` : sql``})`
    }
    for (const { user, action, amount } of pending) {
      await sql`insert into payment_history (user_id, action, amount)
        values (${ids[user]!}, ${action}, ${amount})`
    }
    const said = await work(operations.map((operation) => named(ids, operation)), ids)
    answers.push(...said.map((rows, i) => `${operations[i]!.op} ${rows.join(', ')}`))
  }
  // What a refusal at psql has rolled back.
  for (const id of ids) await sql`select recalculate_balance(${id})`
  return { answers, left: await leftOf(ids) }
}

/** All that is written about users but times, hashes and ids. */
async function leftOf(ids: number[]) {
  const { sql } = ledger
  const left = []
  for (const id of ids) {
    expect(await findingsOf(sql, id)).toEqual([])
    expect(await verifyUser(sql, id)).toEqual([])
    const entries = await sql`
      select seq, action, amount, balance, held, idempotency_key, metadata::text, hold, reverses,
             array_position(${array(ids)}::bigint[], peer_user_id) as peer, peer_seq,
             id > lag(id) over (order by seq) as in_order
        from payment_history where user_id = ${id} order by seq`
    const holds = await sql`
      select o.hold, o.amount, o.remaining, o.captured, o.status, c.number, c.action,
             c.amount as change, c.remaining as left, c.expires_at = 'infinity' as never, c.seq,
             c.balance, c.available, c.idempotency_key, c.metadata::text
        from holds o join hold_changes c on c.user_id = o.user_id and c.hold = o.hold
       where o.user_id = ${id} order by c.hold, c.number`
    const user = await one(sql`select balance, seq, hold_changes from users where id = ${id}`)
    left.push({ entries: [...entries], holds: [...holds], user })
  }
  return left
}

/** The last row about each user says what the user is now. */
async function expectSnapshots(rows: Record<string, unknown>[], ids: number[]): Promise<void> {
  const now = await ledger.sql`
    select id, balance, available, seq, version, updated_at from ledger.get_users(${
    array(ids)
  }::bigint[])`
  for (const user of now) {
    const last = rows.findLast((row) => row['user_id'] === user['id'])
    if (!last) continue
    expect({
      id: last['user_id'],
      balance: last['user_balance'],
      available: last['user_available'],
      seq: last['user_seq'],
      version: last['version'],
      updated_at: last['updated_at'],
    }).toEqual(user)
  }
}

async function expectSameAnswers(numRuns: number): Promise<void> {
  const { sql } = ledger
  const property = fc.asyncProperty(
    steps,
    fc.infiniteStream(fc.integer({ min: 1, max: 8 })),
    async (all, sizes) => {
      const alone = await outcome(all, async (operations) => {
        const said: Said[] = []
        for (const operation of operations) said.push(await callAlone(sql, operation))
        return said
      })
      const batch = await outcome(all, async (operations, ids) => {
        const { said, rows } = await postAll(sql, operations)
        await expectSnapshots(rows, ids)
        return said
      })
      const batches = await outcome(all, async (operations, ids) => {
        const said: Said[] = []
        for (let n = 0; n < operations.length;) {
          const part = operations.slice(n, n + sizes.next().value)
          n += part.length
          const posted = await postAll(sql, part)
          await expectSnapshots(posted.rows, ids)
          said.push(...posted.said)
        }
        return said
      })
      expect(batch).toEqual(alone)
      expect(batches).toEqual(alone)
    },
  )
  await fc.assert(property, { seed: SEED, numRuns, endOnFailure: false })
}

test(`one by one, in one batch, in batches of any size: seed ${SEED}`, async () => {
  await expectSameAnswers(shareOf(25))
})

test(`shard by shard, as on several servers: seed ${SEED}`, async () => {
  const sql = ledger.connect()
  const shards = [-(2 ** 31), 0].map((minHash, n) => ({
    id: `${101 + n}`,
    minHash,
    host: 'server',
    port: 1,
  }))
  await makeShards(sql, shards, ['101', '102'], 'views')
  await sql`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`
  for (const { definition } of await sql`select definition from ledger.calls_in_shards()`) {
    await sql.unsafe(definition as string)
  }
  // As Citus calls them.
  await ledger.sql`set application_name = 'citus_internal gpid=1'`
  await expectSameAnswers(shareOf(10))
})
