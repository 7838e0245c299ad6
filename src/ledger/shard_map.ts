/** Which shard of a distributed ledger a user belongs to, as Citus computes it. */

export interface Shard {
  id: string
  /** The lowest hash of a user's id in this shard; it ends before that of the next one. */
  minHash: number
  /** The server that has it, as the servers call one another. */
  host: string
  port: number
}

/** How many values one half of 64 bits has. */
const HALF_VALUES = 2 ** 32

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

/**
 * What hashint8() says in PostgreSQL, by which Citus assigns a bigint to a shard: the final mixing
 * of Bob Jenkins' lookup3, as hash_bytes_uint32() in src/common/hashfn.c has it.
 * @param value a safe integer that is not negative
 */
export function hashInt8(value: number): number {
  let b = 0x9e3779b9 + 4 + 3923095
  let c = b
  let a = (b + ((value % HALF_VALUES) ^ Math.floor(value / HALF_VALUES))) | 0
  c = ((c ^ b) - rotated(b, 14)) | 0
  a = ((a ^ c) - rotated(c, 11)) | 0
  b = ((b ^ a) - rotated(a, 25)) | 0
  c = ((c ^ b) - rotated(b, 16)) | 0
  a = ((a ^ c) - rotated(c, 4)) | 0
  b = ((b ^ a) - rotated(a, 14)) | 0
  return ((c ^ b) - rotated(b, 24)) | 0
}

/**
 * The shard of a user.
 * @param shards in the order of minHash, and at least one
 */
export function shardOf(shards: readonly Shard[], userId: number): Shard {
  const hash = hashInt8(userId)
  let low = 0
  let high = shards.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (shards[middle]!.minHash <= hash) low = middle
    else high = middle - 1
  }
  return shards[low]!
}
