/** Which entries of a user reverse which. */
import type postgres from 'postgres'

/** `2 reverses 1, reversed by 3` for each entry that is linked. */
export async function linksOf(sql: postgres.Sql, id: number): Promise<string[]> {
  const rows = await sql<{ link: string }[]>`
    select concat_ws(', ', seq || coalesce(' reverses ' || reverses, ''),
             'reversed by ' || reversed_by, 'with ' || peer_seq) as link
      from ledger.get_statement(${id}) where reverses is not null or reversed_by is not null
     order by seq`
  return rows.map(({ link }) => link)
}
