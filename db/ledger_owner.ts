/** Who owns the ledger that is there, and has to own what migrations add to it. */
import type postgres from 'postgres'
import { isDistributed } from './citus/is_distributed.ts'

/**
 * The role in whose name migrations have to run, because whoever migrates is another: the owner's
 * functions could not call what a superuser owns.
 * @returns undefined if there is no ledger yet, it is their own, they may not become its owner, or
 *   it is on several servers, where only a superuser may add triggers
 */
export async function ownerToBecome(sql: postgres.Sql): Promise<string | undefined> {
  if (await isDistributed(sql)) return undefined
  const [row] = await sql<{ owner: string }[]>`
    select pg_get_userbyid(c.relowner)::text as owner from pg_class c
     where c.oid = to_regclass('public.payment_history')
       and pg_get_userbyid(c.relowner) <> current_user and pg_has_role(c.relowner, 'set')`
  return row?.owner
}
