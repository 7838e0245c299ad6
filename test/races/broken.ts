/** A ledger that is broken on purpose, in one place, and mended again. */
import type postgres from 'postgres'
import { readFunction } from '../../db/function_blocks.ts'

/**
 * How it is broken: a function asks its original, which is then in the schema `original`,
 * otherwise; or the guard of the history is asked only when this is true; or the lines of a
 * function that end with `-- mutation: <mark>` are other ones.
 */
export type Mutation =
  | { fn: string; by: string }
  | { guardOnlyWhen: string }
  | { file: string; lines: Record<string, string> }

/** What takes it back. */
type Mend = () => Promise<unknown>

const mark = (name: string) => new RegExp(`^.* -- mutation: ${name}$`, 'gm')

async function replaceLines(
  sql: postgres.Sql,
  { file, lines }: { file: string; lines: Record<string, string> },
): Promise<Mend> {
  const text = readFunction('db', file)
  let broken = text
  for (const [name, line] of Object.entries(lines)) {
    const found = broken.match(mark(name))?.length ?? 0
    if (found !== 1) throw new Error(`${file}.sql has ${found} lines with "-- mutation: ${name}"`)
    broken = broken.replace(mark(name), () => line)
  }
  await sql.unsafe(broken)
  return () => sql.unsafe(text)
}

/** `by`: a query, or the body of a function in PL/pgSQL. It knows the parameters by their names. */
async function replaceFunction(
  sql: postgres.Sql,
  { fn, by }: { fn: string; by: string },
): Promise<Mend> {
  const [row, ...others] = await sql`
    select oid::regprocedure::text as signature, pg_get_function_arguments(oid) as arguments,
           pg_get_function_identity_arguments(oid) as types, pg_get_function_result(oid) as result
      from pg_proc where pronamespace = 'ledger'::regnamespace and proname = ${fn}`
  if (!row || others.length > 0) throw new Error(`there is not one function ledger.${fn}`)
  const language = /^(begin|declare)\b/.test(by) ? 'plpgsql' : 'sql'
  await sql.unsafe(`
    create schema if not exists original;
    alter function ${row['signature']} set schema original;
    create function ledger.${fn}(${row['arguments']}) returns ${row['result']}
      language ${language} volatile as $broken$ ${by} $broken$`)
  return () =>
    sql.unsafe(`
      drop function ledger.${fn}(${row['types']});
      alter function original.${fn}(${row['types']}) set schema ledger`)
}

async function changeGuard(sql: postgres.Sql, condition: string): Promise<Mend> {
  const [row] = await sql`
    select pg_get_triggerdef(oid) as definition from pg_trigger
     where tgrelid = 'payment_history'::regclass and tgname = 'guard_row'`
  const definition = row!['definition'] as string
  const create = (text: string) =>
    sql.unsafe(`
      drop trigger guard_row on payment_history;
      ${text};
      alter table payment_history enable always trigger guard_row`)
  await create(definition.replace(' EXECUTE ', () => ` WHEN (${condition}) EXECUTE `))
  return () => create(definition)
}

/** Runs `work` while the ledger is broken. What it leaves behind, its own users keep. */
export async function whileBroken<T>(
  sql: postgres.Sql,
  mutations: Mutation[],
  work: () => Promise<T>,
): Promise<T> {
  const mends: Mend[] = []
  try {
    for (const mutation of mutations) {
      if ('fn' in mutation) mends.push(await replaceFunction(sql, mutation))
      else if ('file' in mutation) mends.push(await replaceLines(sql, mutation))
      else mends.push(await changeGuard(sql, mutation.guardOnlyWhen))
    }
    return await work()
  } finally {
    for (const mend of mends.reverse()) await mend()
  }
}
