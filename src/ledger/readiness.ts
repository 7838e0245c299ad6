/** Whether the service can do its work: what GET /readyz says, and the log at the start. */
import { isWithoutSchema } from '../core/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Ledger } from './functions.ts'
import { SCHEMA_VERSION } from './schema_version.ts'
import { roleFault, roleWarnings } from './service_role.ts'

const NO_SCHEMA = 'The database has no schema, or an old one: `npm run migrate` makes it.'
const OTHER_SCHEMA = 'The schema is not the expected one: `npm run migrate` brings it up to date.'

export interface Readiness {
  /** Why the service isn't ready, for callers; undefined if it is. */
  problem(): Promise<string | undefined>
}

/** Creates the check behind GET /readyz. */
export function createReadiness(
  { ledger, log }: { ledger: Pick<Ledger, 'hasMigration' | 'readServiceRole'>; log: Log },
): Readiness {
  let hasWarned = false

  return {
    async problem() {
      try {
        const role = await ledger.readServiceRole()
        const fault = roleFault(role)
        if (fault) {
          log.error('not ready', fault.why)
          return fault.detail
        }
        if (!await ledger.hasMigration(SCHEMA_VERSION)) return OTHER_SCHEMA
        if (!hasWarned) {
          for (const line of roleWarnings(role)) log.warn('the role of the service', line)
        }
        hasWarned = true
        return undefined
      } catch (error) {
        log.warn('not ready', error)
        if (isWithoutSchema(error)) return NO_SCHEMA
        return 'PostgreSQL does not answer as expected.'
      }
    },
  }
}
