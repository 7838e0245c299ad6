// Counts what vitest's JSON reports say: `node .ci/count.mjs report.json [share]`.
// Prints the names of failed tests with what they said, and as its last line "passed failed
// skipped".
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const MAX_LINES = 60

/** Whether tests were left out; those of a suite that was left out as a whole say `pending`. */
const isPart = Number(process.argv[3] ?? 1) < 1
const count = { passed: 0, failed: 0, skipped: 0 }

/** The first lines of what a test failed with: enough to repeat it. */
function tell(name, message = '') {
  const lines = message.split('\n').filter((line) => line.trim() !== '')
  console.log([`FAILED ${name}`, ...lines.slice(0, MAX_LINES)].join('\n  '))
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults
  } catch {
    return []
  }
}

for (const file of readReport(process.argv[2])) {
  const name = relative('.', file.name)
  const states = file.assertionResults.map(({ status }) => status)
  for (const { status, fullName, failureMessages } of file.assertionResults) {
    // A test that was still running or waiting when the run ended has not passed.
    const state = status === 'passed'
      ? 'passed'
      : /skipped|todo/.test(status) || (isPart && status === 'pending' && file.status === 'passed')
      ? 'skipped'
      : 'failed'
    count[state]++
    if (state === 'failed') tell(`${name}: ${fullName}`, failureMessages?.join('\n'))
  }
  // A file may fail outside of its tests: while it is loaded, or in a hook.
  if (file.status === 'failed' && !states.includes('failed')) {
    count.failed++
    tell(name, file.message)
  }
}

if (count.passed + count.failed === 0) {
  count.failed++
  console.log('FAILED: the run has no results')
}
console.log(`${count.passed} ${count.failed} ${count.skipped}`)
