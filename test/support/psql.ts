/** Runs SQL as people do: with psql, which prints what it was told and what came of it. */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

export const psqlIsMissing = spawnSync('psql', ['--version']).status !== 0

/**
 * The echoed script with its results, errors in place, as `ledger_dba`; times and ids are fixed.
 */
export async function runScript(databaseUrl: string, file: string): Promise<string> {
  // From standard input, so that errors don't name the file. Their context is line numbers of ours.
  const command =
    'exec psql --no-psqlrc --quiet --echo-all --set=SHOW_CONTEXT=never "$0" <"$1" 2>&1'
  const { stdout } = await promisify(execFile)('sh', ['-c', command, databaseUrl, file], {
    env: {
      PATH: process.env['PATH'],
      LC_ALL: 'C',
      PGCLIENTENCODING: 'UTF8',
      PGOPTIONS: '-c role=ledger_dba -c timezone=UTC',
    },
  })
  return fixTimes(stdout)
    .replace(/\b(user) [1-9]\d*\b/gi, '$1 7')
    .replace(/(?<=Failing row contains \()\d+, \d+/g, '1, 7')
}

const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00/g
const FIXED = '2026-11-23 12:00:00.000000+00'

/**
 * Puts the same time in the place of every other. PostgreSQL leaves zeros at the end out, so a
 * column of times is also given the same width.
 */
export function fixTimes(output: string): string {
  const lines = output.split('\n')
  lines.forEach((rule, i) => {
    if (!/^-+(\+-+)*$/.test(rule)) return
    let end = i + 1
    while (lines[end]?.startsWith(' ')) end++
    const rows = [i - 1, ...Array.from({ length: end - i - 1 }, (_, n) => i + 1 + n)]
    let start = 0
    const columns = rule.split('+').map(({ length }) => {
      const column = { start, end: start + length }
      start += length + 1
      return column
    })
    for (const { start, end } of columns.toReversed()) {
      if (!rows.some((row) => lines[row]!.slice(start, end).match(TIME))) continue
      const replace = (row: number, cell: string) => {
        lines[row] = lines[row]!.slice(0, start) + cell + lines[row]!.slice(end)
      }
      const last = end === rule.length
      for (const row of rows.slice(1)) {
        const text = lines[row]!.slice(start, end).replace(TIME, FIXED).trimEnd()
        replace(row, last ? text : text.padEnd(FIXED.length + 2))
      }
      replace(i, '-'.repeat(FIXED.length + 2))
      const name = lines[rows[0]!]!.slice(start, end).trim()
      const left = Math.floor((FIXED.length - name.length) / 2) + 1
      replace(rows[0]!, (' '.repeat(left) + name).padEnd(FIXED.length + 2))
    }
  })
  return lines.join('\n').replace(TIME, FIXED)
}
