/** The file of bearer tokens, which is read again while the service runs. */
import { openRereadFile, type RereadFileParts } from '../core/reread_file.ts'
import type { Caller } from './caller.ts'
import { parseTokens } from './access_tokens.ts'
import type { Log } from '../telemetry/log.ts'

export interface TokenFileParts
  extends Pick<RereadFileParts<unknown>, 'path' | 'readText' | 'recheckMs' | 'readMs'> {
  log: Pick<Log, 'info' | 'error'>
}

/** Callers by the SHA-256 of their tokens, in hexadecimal. */
export interface TokenFile {
  get(hash: string): Caller | undefined
  /** Stops reading the file. */
  stop(): void
}

/** @throws Error with one line if the file is missing or invalid at the start */
export async function openTokenFile(parts: TokenFileParts): Promise<TokenFile> {
  const file = await openRereadFile({
    ...parts,
    setting: 'ACCESS_TOKENS_FILE',
    what: 'the access tokens',
    parse: parseTokens,
    changed: ({ size }) =>
      parts.log.info('the access tokens have changed', undefined, { tokens: size }),
  })
  return { get: (hash) => file.current().get(hash), stop: file.stop }
}
