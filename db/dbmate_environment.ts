/** What dbmate is told, and nothing else: by itself it goes by whatever it finds. */
import { devNull } from 'node:os'

/** In place of `.env`, which it would read by its own rules, and end at what it can't read. */
export const DBMATE_ENV_FILE = ['--env-file', devNull]

/** Settings of dbmate, and those of its driver: what counts of them is in the URL. */
const FOREIGN = /^(DBMATE_|PG)/i

/** The environment for dbmate: all of this one but what would change what migrations do. */
export function dbmateEnvironment(databaseUrl: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
  return { ...Object.fromEntries(kept), DATABASE_URL: databaseUrl, DBMATE_NO_DUMP_SCHEMA: 'true' }
}
