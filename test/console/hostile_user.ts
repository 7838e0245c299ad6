/** A user of whom all that can be text is markup. */
import { http } from './access_off.ts'

export const SCRIPT = '<script>alert(1)</script><img src=x onerror=alert(2)>'

/** A user with three entries, a reversal, and a hold; all that can be text is markup. */
export async function hostileUser(): Promise<number> {
  const { sql } = http
  const reference = `${SCRIPT} ${Math.random()}`
  const [made] = await sql<{ id: string }[]>`select id from create_user(null, ${reference})`
  const id = Number(made!.id)
  const metadata = JSON.stringify({ reason: SCRIPT, [SCRIPT]: [SCRIPT] })
  await sql`select credit_user(${id}, 1234567.89, 'k<b>', ${metadata}::text::jsonb)`
  await sql`select debit_user(${id}, 34567.89, 'k2', ${metadata}::text::jsonb)`
  await sql`select reverse_entry(${id}, 2, 'k3')`
  await sql`select place_hold(${id}, 250, null, 'h1', ${metadata}::text::jsonb)`
  return id
}
