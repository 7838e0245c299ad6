/** Who may do what in a database, and roles that may nothing yet. */
import { randomBytes } from 'node:crypto'
import type postgres from 'postgres'
import { inject, onTestFinished } from 'vitest'
import { connectTo } from '../support/ledger.ts'

/** Every right of everybody in the schemas of the ledger, in words. */
export async function rightsIn(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ text: string }[]>`
    with acls as (
      select 'f ' || p.oid::regprocedure as what, coalesce(p.proacl, acldefault('f', p.proowner)) as acl,
             p.pronamespace as schema from pg_proc p
      union all
      select 'r ' || c.oid::regclass, coalesce(c.relacl, acldefault('r', c.relowner)), c.relnamespace
        from pg_class c where c.relkind in ('r', 'v')
      union all
      select 'c ' || c.oid::regclass || a.attname, a.attacl, c.relnamespace
        from pg_attribute a join pg_class c on c.oid = a.attrelid
      union all
      select 'n ' || n.nspname, n.nspacl, n.oid from pg_namespace n)
    select format('%s %s %s %s', a.what, x.grantee::regrole, x.privilege_type, x.is_grantable) as text
      from acls a join pg_namespace n on n.oid = a.schema, aclexplode(a.acl) x
     where n.nspname in ('public', 'ledger') order by 1`
  return rows.map(({ text }) => text)
}

/** A role of this test alone. */
export async function newRole(sql: postgres.Sql): Promise<string> {
  const name = `role_${randomBytes(8).toString('hex')}`
  await sql`create role ${sql(name)}`
  onTestFinished(async () => {
    const admin = connectTo(inject('databaseUrl'))
    await admin`drop role ${admin(name)}`
    await admin.end()
  })
  return name
}
