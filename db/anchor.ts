/** Writes down what the ledger is now, to be kept where nobody can change it: `npm run anchor`. */
import { parseArgs } from 'node:util'
import { printedHelp } from '../src/command_line.ts'
import { connectReader, runCommand } from './command.ts'
import { makeAnchor } from './make_anchor.ts'
import { nowSeconds, writeMetricsFile } from './metrics_file.ts'

const HELP = `
usage: npm run anchor -- [--out FILE] [--key FILE] [--metrics FILE]

Prints what the ledger is now, all heads in one hash, as a line of JSON to be kept elsewhere. The
ledger keeps a copy, by which npm run verify finds out that a line is missing there.
--out      appends it to FILE instead, behind those before it that FILE lacks
--key      signs it with the Ed25519 key of this PEM; by default ANCHOR_KEY_FILE
--metrics  writes when it was made to FILE, for Prometheus

exit codes: 0 there is an anchor, 2 there is none, for the reason in one line`

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: { out: { type: 'string' }, key: { type: 'string' }, metrics: { type: 'string' } },
  })
  const sql = await connectReader(1)
  try {
    // Which may be in `.env`, too.
    const keyFile = values.key ?? process.env['ANCHOR_KEY_FILE']
    const line = await makeAnchor(sql, { out: values.out, keyFile })
    if (!values.out) console.log(line)
    if (values.metrics) {
      await writeMetricsFile(values.metrics, [
        ['ledger_anchor_timestamp_seconds', 'When the last anchor was made.', nowSeconds()],
      ])
    }
  } finally {
    await sql.end()
  }
  return 0
}

await runCommand(import.meta.url, main)
