/** Proves the whole ledger, or one user, or that it extends its anchors: `npm run verify`. */
import { accessSync, constants } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../src/command_line.ts'
import { nowSeconds, writeMetricsFile } from './metrics_file.ts'
import { connectReader, runCommand } from './command.ts'
import { verifyAnchors } from './verify_anchors.ts'
import { verifyArchive } from './verify_archive.ts'
import { isDone, readProgress, removeProgress, writeProgress } from './verify_progress.ts'
import type { Progress, Range } from './verify_progress.ts'

/**
 * By default one for each processor here, since a page is work for one there; not all of a server.
 */
const CONNECTIONS = Math.min(availableParallelism(), 4)
const PAGE_ROWS = 10_000
const SHOW_MS = 1000
const HELP = `
usage: npm run verify -- [--user ID] [--state FILE] [--connections N]
                         [--anchors FILE [--public-key FILE]] [--archive FILE]
                         [--metrics FILE]

Proves every history from its rows and hashes, and locks nothing; a line for each finding.
--user         one user alone
--state        keeps its place in FILE, and goes on from there after an interruption
--connections  how many pages it reads at once, 1 to 32; by default one a processor, at most 4
--anchors      the ledger extends each anchor in FILE, which npm run anchor wrote, none is missing
--public-key   each of them is signed by the key of this PEM
--archive      what npm run archive wrote to FILE is what it took out of the ledger
--metrics      writes when it ended and what it found to FILE, for Prometheus; not with --user

exit codes: 0 no findings, 1 findings, 2 it couldn't run, for the reason in one line`

interface Finding {
  finding: string
  user_id: number | string | null
  seq: number | string | null
  detail: string
}

function print({ finding, user_id, seq, detail }: Finding): void {
  const place = [user_id !== null && `user ${user_id}`, seq !== null && `seq ${seq}`]
  console.log([finding, ...place.filter(Boolean), detail].join('\t'))
}

interface Page {
  findings: Finding[]
  rows_read: string
  next_user_id: string | null
  next_seq: string | null
}

/** Verifies one page of a range, and moves it on. */
async function verifyPage(sql: postgres.Sql, progress: Progress, range: Range): Promise<void> {
  let pages: Page[]
  if (range.entries) {
    const [userId, seq] = range.entries
    pages = await sql<Page[]>`
      select to_jsonb(findings) as findings, rows_read, next_user_id, next_seq
        from ledger.verify_entries(${userId}::bigint, ${seq}::bigint, ${PAGE_ROWS}::integer,
          ${range.upto}::bigint)`
  } else {
    pages = await sql<Page[]>`
      select to_jsonb(findings) as findings, rows_read, next_user_id from ledger.verify_users(
        ${range.users}::bigint, ${PAGE_ROWS}::integer, ${range.upto}::bigint)`
  }
  const page = pages[0]!
  page.findings.forEach(print)
  progress.findings += page.findings.length
  if (range.entries) {
    progress.rows += Number(page.rows_read)
    range.entries = page.next_user_id ? [page.next_user_id, page.next_seq!] : null
  } else {
    progress.users += Number(page.rows_read)
    range.users = page.next_user_id
  }
}

async function verifyRanges(sql: postgres.Sql, progress: Progress, state?: string): Promise<void> {
  let shown = performance.now()
  const open = progress.ranges.filter((range) => !isDone(range))
  const work = async () => {
    for (let range = open.shift(); range; range = open.shift()) {
      while (!isDone(range)) {
        await verifyPage(sql, progress, range)
        // After each page, so that whoever kills it has no more than that done twice.
        if (state) writeProgress(state, progress)
        if (performance.now() - shown < SHOW_MS) continue
        shown = performance.now()
        if (process.stderr.isTTY) process.stderr.write(`\r${progress.rows} rows`)
      }
    }
  }
  await Promise.all(Array.from({ length: sql.options.max }, work))
  if (process.stderr.isTTY) process.stderr.write('\r')
}

async function verifyLedger(sql: postgres.Sql, state?: string): Promise<Progress> {
  const progress = await readProgress(sql, state)
  const interrupted = () => {
    if (state) writeProgress(state, progress)
    console.error(state ? 'interrupted; the same command goes on from here' : 'interrupted')
    process.exit(2)
  }
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  await verifyRanges(sql, progress, state)
  const guards = await sql<Finding[]>`select * from ledger.verify_guards()`
  guards.forEach(print)
  progress.findings += guards.length
  if (state) removeProgress(state)
  return progress
}

const writeMetrics = (file: string, findings: number, rows: number) =>
  writeMetricsFile(file, [
    [
      'ledger_verification_timestamp_seconds',
      'When the last complete verification ended.',
      nowSeconds(),
    ],
    ['ledger_verification_findings', 'What it found.', findings],
    ['ledger_verification_rows', 'Entries that it read.', rows],
  ])

/** How many rows lost something, for the summary: of a manual entry its entry did. */
async function removedRows(sql: postgres.Sql): Promise<string> {
  const rows = await sql<{ operation: string; rows: string }[]>`
    select i.operation, count(*) as rows from public.erasures e
      join public.interventions i on i.id = e.intervention
     where e.kind <> 'manual_entry'
     group by i.operation order by i.operation`
  const words: Record<string, string> = { ERASE: 'erased', ARCHIVE: 'archived' }
  return rows.map(({ operation, rows: count }) => `, ${count} ${words[operation]}`).join('')
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const started = performance.now()
  const { values } = parseArgs({
    options: {
      user: { type: 'string' },
      state: { type: 'string' },
      anchors: { type: 'string' },
      connections: { type: 'string', default: `${CONNECTIONS}` },
      'public-key': { type: 'string' },
      archive: { type: 'string' },
      metrics: { type: 'string' },
    },
  })
  if (values.user !== undefined && !/^[1-9]\d{0,15}$/.test(values.user)) {
    throw new Error('--user must be the id of a user')
  }
  if (!/^([1-9]|[12]\d|3[0-2])$/.test(values.connections)) {
    throw new Error('--connections must be from 1 to 32')
  }
  if (values['public-key'] && !values.anchors) throw new Error('--public-key needs --anchors')
  if (values.metrics && values.user) throw new Error('--metrics needs all users')
  // Before the whole history is read for nothing.
  for (const path of [values.anchors, values.archive, values['public-key']]) {
    if (path !== undefined) accessSync(path, constants.R_OK)
  }
  const sql = await connectReader(Number(values.connections))
  try {
    let findings = 0
    let read = ''
    let rows = 0
    if (values.user) {
      const found = await sql<Finding[]>`select * from verify_user(${values.user}::bigint)`
      found.forEach(print)
      findings = found.length
      read = `user ${values.user}`
    } else {
      const progress = await verifyLedger(sql, values.state)
      findings = progress.findings
      rows = progress.rows
      read = `${counted(rows, 'row')}, ${counted(progress.users, 'user')}${await removedRows(sql)}`
    }
    if (values.anchors) {
      const anchors = await verifyAnchors(sql, values.anchors, values['public-key'], (found) => {
        print({ ...found, user_id: null, seq: null })
        findings++
      })
      read += `, ${counted(anchors, 'anchor')}`
    }
    if (values.archive) {
      const archived = await verifyArchive(sql, values.archive, (found) => {
        print(found)
        findings++
      })
      read += `, ${archived} proved by the archive`
    }
    if (values.metrics) await writeMetrics(values.metrics, findings, rows)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${counted(findings, 'finding')}: ${read}, ${seconds} seconds`)
    return findings ? 1 : 0
  } finally {
    await sql.end({ timeout: 0 })
  }
}

await runCommand(import.meta.url, main)
