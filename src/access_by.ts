/** Access as the settings have it. */
import { type Access, createAccess } from './access.ts'
import type { AccessConfig, JwtConfig } from './access_config.ts'
import { createJwtVerifier, type JwtOptions } from './access_jwt.ts'
import { parseTokens } from './access_tokens.ts'
import { createFailureLimit } from './failure_limit.ts'
import { createJwks } from './jwks.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface AccessParts {
  /** The text of a file. */
  readText: (path: string) => string
  /** In hexadecimal. */
  sha256: (text: string) => string
  metrics: Pick<Metrics, 'refused'>
  log: Pick<Log, 'warn'>
}

/**
 * @returns undefined if nothing is configured: anyone may do anything
 * @throws Error with one line if the file of tokens is not what it should be
 */
export function accessBy(
  { accessTokensFile, jwt, accessFailuresPerMinute }: AccessConfig,
  { readText, sha256, metrics, log }: AccessParts,
): Access | undefined {
  if (accessTokensFile === undefined && jwt === undefined) return undefined
  return createAccess({
    tokens: accessTokensFile === undefined ? new Map() : tokensIn(accessTokensFile, readText),
    verifyJwt: jwt && createJwtVerifier(jwtOptions(jwt, log)),
    sha256,
    failures: createFailureLimit({ perMinute: accessFailuresPerMinute }),
    metrics,
  })
}

function tokensIn(path: string, readText: (path: string) => string) {
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    const { code, name } = error as { code?: string; name: string }
    throw new Error(`ACCESS_TOKENS_FILE can't be read (${code ?? name})`, { cause: error })
  }
  try {
    return parseTokens(text)
  } catch (error) {
    throw new Error(`ACCESS_TOKENS_FILE ${(error as Error).message}`, { cause: error })
  }
}

/** The configuration has seen to it that the algorithms fit. */
function jwtOptions({ secret, jwksUrl, ...rest }: JwtConfig, log: Pick<Log, 'warn'>) {
  const keys = secret === undefined
    ? { jwks: createJwks({ url: jwksUrl!, onError: (e) => log.warn('no keys for JWT', e) }) }
    : { secret }
  return { ...rest, ...keys } as JwtOptions
}
