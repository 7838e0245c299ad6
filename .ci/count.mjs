// Counts what vitest's JSON reports say: `node .ci/count.mjs report.json`.
// Prints the names of failed tests, and as its last line "passed failed skipped".
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const count = { passed: 0, failed: 0, skipped: 0 }

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
  for (const { status, fullName } of file.assertionResults) {
    // A test that was still running or waiting when the run ended has not passed.
    const state = status === 'passed'
      ? 'passed'
      : /skipped|todo/.test(status)
      ? 'skipped'
      : 'failed'
    count[state]++
    if (state === 'failed') console.log(`FAILED ${name}: ${fullName}`)
  }
  // A file may fail outside of its tests: while it is loaded, or in a hook.
  if (file.status === 'failed' && !states.includes('failed')) {
    count.failed++
    console.log(`FAILED ${name}: ${file.message.split('\n')[0]}`)
  }
}

if (count.passed + count.failed === 0) {
  count.failed++
  console.log('FAILED: the run has no results')
}
console.log(`${count.passed} ${count.failed} ${count.skipped}`)
