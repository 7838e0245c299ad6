/** Creates access from the settings. */
import { type Access, createAccess } from './access.ts'
import type { AccessConfig, JwtConfig } from '../config/access_config.ts'
import { openTokenFile } from './access_file.ts'
import { createJwtVerifier, type JwtOptions } from './access_jwt.ts'
import { createFailureLimit } from './failure_limit.ts'
import { createJwks } from './jwks.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface AccessParts {
  /** Reads a file without blocking. Rejects for anything but a regular file, such as a pipe. */
  readFile: (path: string) => Promise<string>
  /** SHA-256 in hexadecimal. */
  sha256: (text: string) => string
  metrics: Pick<Metrics, 'refused'>
  log: Pick<Log, 'info' | 'warn' | 'error'>
}

export interface OpenAccess extends Access {
  /** Stops reading the file of tokens. */
  stop(): void
}

/**
 * @returns undefined if nothing is configured: anyone may do anything
 * @throws Error with one line if the file of tokens is not what it should be
 */
export async function createAccessFromConfig(
  { accessTokensFile, jwt, accessFailuresPerMinute }: AccessConfig,
  { readFile, sha256, metrics, log }: AccessParts,
): Promise<OpenAccess | undefined> {
  if (accessTokensFile === undefined && jwt === undefined) return undefined
  const file = accessTokensFile === undefined
    ? undefined
    : await openTokenFile({ path: accessTokensFile, readText: readFile, log })
  const access = createAccess({
    tokens: file ?? new Map(),
    verifyJwt: jwt && createJwtVerifier(jwtOptions(jwt, log)),
    sha256,
    failures: createFailureLimit({ perMinute: accessFailuresPerMinute }),
    metrics,
  })
  return { ...access, stop: () => file?.stop() }
}

/** The configuration has seen to it that the algorithms are of the kind of the key. */
function jwtOptions({ secret, jwksUrl, ...rest }: JwtConfig, log: Pick<Log, 'warn'>): JwtOptions {
  const key = secret === undefined
    ? { jwks: createJwks({ url: jwksUrl!, onError: (e) => log.warn('no keys for JWT', e) }) }
    : { secret }
  return { ...rest, key }
}
