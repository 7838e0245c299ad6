/** The process of the load generator: a job comes, its result goes; ends with its parent. */
import { runHttpLoad } from './http_load.ts'
import type { HttpJob, LoadResult, SqlJob } from './load.ts'
import { runSqlLoad } from './sql_load.ts'

async function run(job: HttpJob | SqlJob): Promise<LoadResult> {
  const before = process.cpuUsage()
  const streams = job.kind === 'http' ? await runHttpLoad(job) : [await runSqlLoad(job)]
  const { user, system } = process.cpuUsage(before)
  return { streams, cpu_ms: (user + system) / 1000 }
}

process.on('message', (job: HttpJob | SqlJob) => {
  run(job).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ failed: error.stack ?? error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
// An interrupt in a terminal reaches everybody; who started this one ends it in order.
process.on('SIGINT', () => {})
