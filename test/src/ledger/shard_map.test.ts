import { expect, test } from 'vitest'
import { hashInt8, type Shard, shardOf } from '../../../src/ledger/shard_map.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('hashInt8() says what hashint8() says in PostgreSQL', async () => {
  const ids = [0, 1, 2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]
  ids.push(
    Number.MAX_SAFE_INTEGER,
    ...Array.from({ length: 500 }, (_, n) => n * 17_999_999_999_973),
  )
  const rows = await ledger.sql<{ hash: number }[]>`
    select hashint8(i) as hash from unnest(${`{${ids.join(',')}}`}::bigint[]) i`
  expect(ids.map(hashInt8)).toEqual(rows.map(({ hash }) => hash))
})

test('shardOf() finds the shard whose range has the hash of the user', () => {
  const minHashes = [-(2 ** 31), -1_000_000_000, 0, 7, 2_000_000_000]
  const shards: Shard[] = minHashes.map((minHash, n) => ({
    id: `${n}`,
    minHash,
    host: 'h',
    port: 1,
  }))
  for (let user = 1; user <= 2000; user++) {
    const expected = shards.findLast(({ minHash }) => minHash <= hashInt8(user))
    expect([user, shardOf(shards, user).id]).toEqual([user, expected!.id])
  }
  const [one] = shards
  expect(shardOf([one!], 5)).toBe(one)
})
