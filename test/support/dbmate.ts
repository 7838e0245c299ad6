/** Runs dbmate on a test's database, for what `npm run migrate` doesn't do, such as `rollback`. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { resolveBinary } from 'dbmate'

export async function runDbmate(
  databaseUrl: string,
  command: 'migrate' | 'rollback',
  folder = 'db/migrations',
): Promise<void> {
  const url = new URL(databaseUrl)
  url.searchParams.set('sslmode', 'disable')
  await promisify(execFile)(resolveBinary(), ['--migrations-dir', folder, command], {
    env: { DATABASE_URL: url.href, DBMATE_NO_DUMP_SCHEMA: 'true' },
  })
}
