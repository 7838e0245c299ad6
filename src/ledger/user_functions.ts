/** The functions that make and find users. */
import { RawJson } from '../core/raw_json.ts'
import { type Database, isoTimestamp } from '../database/database.ts'
import { isLongRead } from './read_functions.ts'
import { arrayLiteral, snapshotOf, type UserRow } from './rows.ts'
import type { Snapshot } from '../cache/snapshots.ts'

/** What the caller who created a user said about it. */
export interface UserDetails {
  /** The caller's own name for the user. */
  reference?: string
  /** The JSON text as PostgreSQL stores it. */
  metadata?: RawJson
}

/** A user to be created. */
export interface NewUser {
  id?: number | undefined
  reference?: string | undefined
  /** The JSON text of an object. */
  metadata?: string | undefined
  key?: string | undefined
}

export interface CreatedUser extends UserDetails {
  id: number
  created: boolean
  /** Whether the key was known: this user was created with it. */
  replayed: boolean
  created_at: string
}

export interface ListedUser extends Snapshot, UserDetails {
  created_at: string
}

export interface UserListing {
  reference?: string | undefined
  /** Users with a higher id. */
  after: number
  maxRows: number
  /** Only these users. Default: all. */
  userIds?: Iterable<number> | undefined
}

export interface LedgerUsers {
  /** @throws LGKEY, 22023 */
  createUser(user: NewUser): Promise<CreatedUser>
  /** In order of id. */
  listUsers(listing: UserListing): Promise<ListedUser[]>
}

interface DetailsRow {
  reference: string | null
  metadata: string | null
  created_at: string
}

const detailsOf = ({ reference, metadata, created_at }: DetailsRow) => ({
  ...(reference !== null && { reference }),
  ...(metadata !== null && { metadata: new RawJson(metadata) }),
  created_at: isoTimestamp(created_at),
})

/** Creates the functions that create and list users. */
export function createLedgerUsers(
  { run }: Pick<Database, 'run'>,
  long: Pick<Database, 'run'>,
): LedgerUsers {
  return {
    async createUser({ id, reference, metadata, key }) {
      const [row] = await run((sql) =>
        sql<(DetailsRow & { id: string; created: boolean; replayed: boolean })[]>`
          select id, created, replayed, created_at, reference, metadata::text as metadata
            from public.create_user(user_id => ${id ?? null}::bigint,
              reference => ${reference ?? null}::text,
              metadata => ${metadata ?? null}::text::jsonb,
              idempotency_key => ${key ?? null}::text)`
      )
      const { id: made, created, replayed } = row!
      return { id: Number(made), created, replayed, ...detailsOf(row!) }
    },

    async listUsers(listing) {
      const { reference, after, maxRows, userIds } = listing
      const { run: runListing } = isLongRead(listing) ? long : { run }
      const rows = await runListing((sql) =>
        sql<(UserRow & DetailsRow)[]>`
          select id, balance, available, seq, updated_at, reference, metadata::text as metadata,
                 created_at
            from ledger.list_users(reference => ${reference ?? null}::text,
              after => ${after}::bigint, max_rows => ${maxRows},
              user_ids => ${userIds ? arrayLiteral([...userIds]) : null}::bigint[])`
      )
      return rows.map((row) => ({ ...snapshotOf(row), ...detailsOf(row) }))
    },
  }
}
