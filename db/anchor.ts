/** Writes down what the ledger is now, to be kept where nobody can change it: `npm run anchor`. */
import { appendFile, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { printedHelp } from '../src/command_line.ts'
import { isoTimestamp } from '../src/database/database.ts'
import { parseAnchor, rootAt, sign } from './anchors.ts'
import { connectReader, runCommand } from './reader.ts'

const WAIT_SECONDS = 60
const HELP = `
usage: npm run anchor -- [--out FILE] [--key FILE]

Prints what the ledger is now, all heads in one hash, as a line of JSON to be kept elsewhere.
--out  appends it to FILE instead
--key  signs it with the Ed25519 key of this PEM; by default ANCHOR_KEY_FILE

exit codes: 0 there is an anchor, 2 there is none, for the reason in one line`

/**
 * A moment before which nothing can be added any more. An entry takes its time after its
 * transaction got a number, so once all numbers given out by then are done, it has passed.
 */
async function settledMoment(sql: postgres.Sql): Promise<string> {
  const [clock] = await sql<{ at: string; standby: boolean }[]>`
    select clock_timestamp()::text as at, pg_is_in_recovery() as standby`
  if (clock!.standby) throw new Error('a standby may lag behind: anchor the primary')
  // A number of our own: xmax of a snapshot may be lower than those that are at work.
  const [mine] = await sql<{ xid: string }[]>`select pg_current_xact_id()::text as xid`
  const end = performance.now() + WAIT_SECONDS * 1000
  for (;;) {
    const [open] = await sql<{ xmin: string }[]>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`
    if (BigInt(open!.xmin) >= BigInt(mine!.xid)) return isoTimestamp(clock!.at)
    if (performance.now() > end) {
      throw new Error(`a transaction has been open for more than ${WAIT_SECONDS} seconds`)
    }
    await sleep(20)
  }
}

/**
 * What goes between the text of a file and another anchor in it.
 * @throws Error with one line if those in the file are signed and this one isn't, or the other way
 * round: with --public-key, an anchor that isn't signed could be anybody's
 */
async function separatorIn(file: string, isSigned: boolean): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const others = text.split('\n').map(parseAnchor).filter((anchor) => anchor !== undefined)
  if (others.some(({ signature }) => Boolean(signature) !== isSigned)) {
    const [has, needs] = isSigned ? ['unsigned', 'signed'] : ['signed', 'unsigned']
    throw new Error(`${file} has ${has} anchors: give ${needs} ones a file of their own`)
  }
  // Whoever wrote the last line may have been killed in the middle of it.
  return text === '' || text.endsWith('\n') ? '' : '\n'
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({ options: { out: { type: 'string' }, key: { type: 'string' } } })
  const sql = await connectReader(1)
  try {
    // Which may be in `.env`, too.
    const keyFile = values.key ?? process.env['ANCHOR_KEY_FILE']
    const separator = values.out ? await separatorIn(values.out, Boolean(keyFile)) : ''
    const at = await settledMoment(sql)
    const anchor = { version: 1 as const, at, ...await rootAt(sql, at) }
    const line = JSON.stringify(keyFile ? await sign(anchor, keyFile) : anchor)
    if (values.out) await appendFile(values.out, `${separator}${line}\n`)
    else console.log(line)
  } finally {
    await sql.end()
  }
  return 0
}

await runCommand(import.meta.url, main)
