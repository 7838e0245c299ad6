import { expect, test } from 'vitest'
import type { Shard } from '../../../src/ledger/shard_map.ts'
import { useLedger } from '../../support/ledger.ts'
import { makeShards } from '../../support/shards.ts'

const ledger = useLedger()
/** By post_in_shards and the service, and by functions for people. */
const CALLED = [
  'post_part',
  'get_shard_users',
  'capture_hold',
  'credit_user',
  'debit_user',
  'place_hold',
  'release_hold',
]
const SHARDS: Shard[] = [{ id: '101', minHash: -(2 ** 31), host: 'server', port: 1 }]

test('the functions of a shard call none that reads another table', async () => {
  const { sql } = ledger
  await makeShards(sql, SHARDS, ['101'])
  const functions = await sql<{ schema: string; name: string; source: string }[]>`
    select pronamespace::regnamespace::text as schema, proname as name, prosrc as source
      from pg_proc where pronamespace in ('ledger'::regnamespace, 'ledger_101'::regnamespace)`
  const sourceOf = new Map(functions.map((one) => [`${one.schema}.${one.name}`, one.source]))
  // What runs only where is_distributed() is true, which is never so in a shard.
  const reached = new Set(['ledger.lock_each', 'ledger.get_each_user', 'ledger.write_each'])
  const readers: string[] = []
  const visit = (name: string) => {
    const source = sourceOf.get(name)
    if (source === undefined || reached.has(name)) return
    reached.add(name)
    if (/\b(from|join|into|update) public\.[a-z_]*[a-z]\b/.test(source)) readers.push(name)
    for (const [call] of source.matchAll(/\bledger(_101)?\.\w+(?=\()/g)) visit(call)
  }
  for (const name of CALLED) visit(`ledger_101.${name}`)
  expect(readers).toEqual([])
  expect(reached).toContain('ledger_101.lock_accounts')
  expect(reached).toContain('ledger_101.get_users')
})
