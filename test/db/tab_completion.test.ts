/** What psql offers to somebody who presses Tab. */
import { spawn, spawnSync } from 'node:child_process'
import process from 'node:process'
import { expect, test } from 'vitest'
import { useLedger } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'

const ledger = useLedger()
/** Gives a program a terminal. */
const scriptIsMissing = spawnSync('script', ['--version']).status !== 0

/** The beginning that somebody types, and what Tab makes of it. */
const VIEWS = {
  bal: 'balances',
  entr: 'entries',
  pend: 'pending_entries',
  active: 'active_holds',
  daily: 'daily_totals',
}

test('Tab completes the name of each view that ledger_dba reads, and what is typed runs', async ({ skip }) => {
  skip(psqlIsMissing || scriptIsMissing, 'needs psql and script')
  const command = `psql --no-psqlrc --set=PROMPT1='ready> ' '${ledger.url}'`
  const terminal = spawn('script', ['--quiet', '--command', command, '/dev/null'], {
    env: {
      PATH: process.env['PATH'],
      TERM: 'dumb',
      INPUTRC: '/dev/null',
      LC_ALL: 'C',
      PAGER: 'cat',
      PGOPTIONS: '-c role=ledger_dba',
    },
  })
  const ended = new Promise<number | null>((resolve) => terminal.once('close', resolve))
  let shown = ''
  terminal.stdout.on('data', (chunk) => shown += chunk)
  const shows = async (text: string) => await expect.poll(() => shown).toContain(text)
  try {
    await shows('ready> ')
    for (const [typed, view] of Object.entries(VIEWS)) {
      shown = ''
      terminal.stdin.write(`select '${view}' || count(*) from ${typed}\t`)
      await shows(` from ${view} `)
      terminal.stdin.write('where false;\r')
      await shows(`${view}0`)
      await shows('ready> ')
    }
    terminal.stdin.write('\\q\r')
    expect(await ended).toBe(0)
  } finally {
    terminal.kill()
    await ended
  }
})
