/**
 * `DATABASE_URL=… npm run db:guards` writes db/functions/verify/expected_guards.sql from a database
 * that the migrations and the files of db/functions have made, and nobody has touched since.
 */
import { writeFileSync } from 'node:fs'
import { printedHelp, takeNoArguments } from '../src/command_line.ts'
import { connectReader, runCommand } from './command.ts'

const FILE = 'db/functions/verify/expected_guards.sql'
const HELP = `
usage: npm run db:guards

Writes ${FILE} from DATABASE_URL, a database that the
migrations and the files of db/functions have made, and nobody has touched since.

exit codes: 0 it is written, 2 it isn't, for the reason in one line`

const text = (rows: { object: string; hash: string }[]) =>
  `create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
${rows.map(({ object, hash }) => `    ('${object.replaceAll("'", "''")}', '${hash}')`).join(',\n')}
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
`

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (printedHelp(HELP, args)) return 0
  takeNoArguments(args)
  const sql = await connectReader(1)
  try {
    const rows = await sql<{ object: string; hash: string }[]>`
      select object,
             left(encode(sha256(convert_to(coalesce(definition, ''), 'UTF8')), 'hex'), 16) as hash
        from ledger.get_guards() order by object collate "C"`
    writeFileSync(FILE, text(rows))
    console.log(`${FILE}: ${rows.length} guards`)
    return 0
  } finally {
    await sql.end()
  }
}

await runCommand(import.meta.url, main)
