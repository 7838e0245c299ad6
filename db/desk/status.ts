/** Says how a ledger is, on one screen: `npm run status`. */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { counted, printedHelp } from '../../src/command_line.ts'
import { loadConfig } from '../../src/config/config.ts'
import { describeDatabaseUrl } from '../../src/config/database_url.ts'
import { isDistributed } from '../citus/is_distributed.ts'
import { connectReader, runCommand } from '../command.ts'
import {
  type Contents,
  pingRedis,
  readContents,
  readRole,
  readSchema,
  readVerification,
  type Role,
  type Schema,
  type Verification,
} from './facts.ts'
import { readSizes, sizeLines, type Sizes } from './sizes.ts'

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))
const PENDING_LIMIT_SECONDS = 86_400
const HELP = `
usage: npm run status -- [--json] [--metrics FILE]

Says how the ledger of DATABASE_URL is: its schema, what is in it, how much room that takes and how
fast it grows, its guards, the last anchor, the role that asks, and whether the Redis of the
settings answers. Needs ledger_dba, and proves nothing: npm run verify does.
--json     as one line of JSON
--metrics  with what npm run verify -- --metrics FILE wrote there

exit codes: 0 all is well, 1 the lines with ! say what is not, 2 it couldn't run, in one line`

interface Status {
  database: string
  server: string
  role: Role
  schema: Schema
  /** null: there is no ledger, or one whose schema is another. */
  contents: Contents | null
  /** null: there is no ledger, or it is on several servers, which have to be asked themselves. */
  sizes: Sizes | null
  /** null: nobody said where it is written down. */
  verification: Verification | null
  /** ok, not set, or why it doesn't answer. */
  redis: string
}

async function readStatus(metrics: string | undefined): Promise<Status> {
  const verification = metrics === undefined ? null : readVerification(metrics)
  const sql = await connectReader(1)
  const { databaseUrl, redis } = loadConfig(process.env)
  try {
    const [row] = await sql<
      { server: string }[]
    >`select current_setting('server_version') as server`
    const schema = await readSchema(sql, MIGRATIONS)
    return {
      database: describeDatabaseUrl(databaseUrl!),
      server: row!.server,
      role: await readRole(sql),
      schema,
      contents: schema.pending.length === 0 ? await readContents(sql) : null,
      sizes: schema.pending.length === 0 && !await isDistributed(sql) ? await readSizes(sql) : null,
      verification,
      redis: redis ? await pingRedis(redis.url, redis.token) : 'not set',
    }
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** What somebody should look at, a line each. */
function problemsOf({ schema, contents, verification, redis }: Status): string[] {
  const { pending, guards = {} } = contents ?? {}
  const missing = guards['guard_missing'] ?? 0
  const edited = guards['intervention_invalid'] ?? 0
  return [
    schema.pending.length > 0 &&
    `missing migrations: ${schema.pending.join(', ')}; see npm run migrate`,
    schema.unknown.length > 0 && 'the schema is newer than this version of the program',
    missing + edited > 0 &&
    `${counted(missing + edited, 'finding')} about the guards: npm run verify`,
    pending && pending.oldest_seconds > PENDING_LIMIT_SECONDS &&
    'an entry has been pending for more than a day',
    verification && verification.findings > 0 && 'the last verification had findings',
    redis !== 'ok' && redis !== 'not set' && `Redis: ${redis}`,
  ].filter((line) => typeof line === 'string')
}

/** A name and a value for each line. */
function linesOf(status: Status): string[][] {
  const { database, server, role, schema, contents, sizes, verification, redis } = status
  const lines = [
    ['database', `${database}, PostgreSQL ${server}`],
    ['role', `${role.name} (${role.is})`],
    ['schema', schema.version ?? 'none'],
  ]
  if (contents) {
    const { users, entries, pending, active_holds, anchor, guards } = contents
    const age = pending.entries > 0 ? `, the oldest for ${pending.oldest_seconds} seconds` : ''
    const { guard_missing = 0, intervention_invalid = 0, intervention = 0 } = guards
    lines.push(
      ['users', `${users}`],
      ['entries', `${entries} posted, ${pending.entries} pending${age}`],
      ['holds', `${active_holds.holds} active, of ${active_holds.amount}`],
      ['guards', counted(guard_missing + intervention_invalid, 'finding')],
      ['interventions', `${intervention}`],
      ['anchor', anchor ? `number ${anchor.number} at ${anchor.at}` : 'none yet'],
    )
  }
  if (sizes) lines.push(...sizeLines(sizes))
  if (verification) {
    lines.push([
      'verification',
      `${counted(verification.findings, 'finding')} at ${verification.at}`,
    ])
  }
  return [...lines, ['redis', redis]]
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, metrics: { type: 'string' } },
  })
  const status = await readStatus(values.metrics)
  const problems = problemsOf(status)
  if (values.json) {
    console.log(JSON.stringify({ ok: problems.length === 0, problems, ...status }))
  } else {
    for (const [name, value] of linesOf(status)) console.log(`${name!.padEnd(14)}${value}`)
    for (const problem of problems) console.log(`! ${problem}`)
  }
  return problems.length > 0 ? 1 : 0
}

await runCommand(import.meta.url, main)
