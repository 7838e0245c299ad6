/** The functions of each shard, which the service calls on the server that has the shard. */
import type postgres from 'postgres'

/**
 * Makes the functions of every shard on every worker, since a shard may move to any. Not in the
 * transaction of the caller: each worker commits for itself. Until a worker has them, the service
 * goes through the coordinator.
 * @throws Error with one line that names a worker
 */
export async function makeShardFunctions(sql: postgres.Sql): Promise<void> {
  const shards = await sql<{ id: string }[]>`
    select s.shardid as id from pg_dist_shard s
     where s.logicalrelid = 'public.users'::regclass order by 1`
  for (const { id } of shards) {
    const failed = await sql<{ worker: string; result: string }[]>`
      select format('%s:%s', r.nodename, r.nodeport) as worker, r.result
        from run_command_on_workers((
          select format('do %L', format(
                   'declare
                      v_old text;
                    begin
                      set local citus.enable_ddl_propagation = off;
                      set local check_function_bodies = off;
                      create schema if not exists %1$I authorization %2$I;
                      grant usage on schema %1$I to ledger_service;
                      set local role %2$I;
                      %3$s
                      -- What this has not made is of an older version.
                      for v_old in
                        select p.oid::regprocedure::text from pg_proc p
                         where p.pronamespace = to_regnamespace(%1$L)
                           and p.xmin <> pg_current_xact_id()::xid
                      loop
                        execute concat(''drop function '', v_old);
                      end loop;
                    end', s.name, o.rolname,
                   string_agg(format(
                     'execute %L; revoke all on function %I.%I from public; ' || case
                       when f.caller is null then '' else 'grant execute on function %I.%I to %I;' end,
                     f.definition, s.name, f.name, s.name, f.name, f.caller), ' ')))
            from (select 'ledger_' || ${id}::text as name) s
           cross join pg_class c
            join pg_roles o on o.oid = c.relowner
           cross join ledger.shard_functions(${id}::bigint) f
           where c.oid = 'public.users'::regclass
           group by s.name, o.rolname)) r
       where not r.success`
    if (failed[0]) throw new Error(`${failed[0].worker}: ${failed[0].result}`)
  }
}

/**
 * Lets the functions for people that the coordinator sends to the server of a user call those of
 * the shard. To be called when every worker has these.
 */
export async function callInShards(sql: postgres.Sql): Promise<void> {
  const functions = await sql<{ definition: string }[]>`
    select c.definition from ledger.calls_in_shards() c`
  await sql.begin(async (transaction) => {
    await transaction`set local check_function_bodies = off`
    for (const { definition } of functions) await transaction.unsafe(definition)
  })
}
