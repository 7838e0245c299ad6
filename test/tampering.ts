/** Changes of the history by somebody whom nothing stops, behind the back of the guards. */
import type postgres from 'postgres'

/** Runs statements as superuser without triggers, foreign keys or checks of the rows of history. */
export async function tamper(sql: postgres.Sql, ...statements: string[]): Promise<void> {
  // One message, so one transaction.
  await sql.unsafe(`
    alter table payment_history disable trigger all;
    alter table holds disable trigger all;
    alter table users disable trigger all;
    ${statements.join(';\n')};
    alter table users enable trigger all;
    alter table holds enable trigger all;
    alter table payment_history enable trigger all;
    alter table payment_history enable always trigger guard_row;
    alter table payment_history enable always trigger guard_truncate`)
}

export interface Found {
  finding: string
  user_id: string | null
  seq: string | null
}

/** In short, sorted: `gap 5/3`. */
export const inShort = (rows: readonly Found[]): string[] =>
  rows.map(({ finding, user_id, seq }) => `${finding} ${user_id ?? '-'}/${seq ?? '-'}`).sort()

export async function verifyUser(sql: postgres.Sql, id: number): Promise<string[]> {
  return inShort(await sql<Found[]>`select * from verify_user(${id}::bigint)`)
}

export async function verifyLedger(sql: postgres.Sql): Promise<string[]> {
  return inShort(await sql<Found[]>`select * from verify_ledger()`)
}
