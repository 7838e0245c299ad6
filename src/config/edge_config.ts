/** Settings of the public URL of the service, and of the web pages that may use it. */
import { z } from 'zod'

const list = (one: z.ZodType, message: string) =>
  z.string().transform((text) => text.toLowerCase().split(','))
    .refine((all) => all.every((text) => one.safeParse(text).success), message)

/** An origin as browsers send it: without a path, not even a slash. */
const origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text)
const hostName = z.string().regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/)

/** Whether a URL has only scheme, host, port and path. */
const isPlace = (text: string) => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && !(username || password || search || hash)
}

export const EDGE_SETTINGS = {
  PUBLIC_URL: z.string()
    .refine(isPlace, 'must be a URL that starts with http:// or https://, without ? and #')
    .transform((text) => new URL(text).href.replace(/\/$/, '')).optional(),
  ALLOWED_HOSTS: list(hostName, 'must be host names without ports, with commas between them')
    .optional(),
  CORS_ORIGINS: list(
    origin,
    'must be origins such as https://app.example, with commas between them',
  )
    .optional(),
}

export interface EdgeConfig {
  /** The URL for callers, without a slash at its end. Default: the address that it listens on. */
  publicUrl?: string
  /** Names that the Host header may have while access is off. */
  allowedHosts?: string[]
  /** Origins whose pages may send requests. */
  corsOrigins?: string[]
}

/** The configuration of the public URL and of web pages. */
export function edgeConfig(s: z.infer<z.ZodObject<typeof EDGE_SETTINGS>>): EdgeConfig {
  return {
    ...(s.PUBLIC_URL && { publicUrl: s.PUBLIC_URL }),
    ...(s.ALLOWED_HOSTS && { allowedHosts: s.ALLOWED_HOSTS }),
    ...(s.CORS_ORIGINS && { corsOrigins: s.CORS_ORIGINS }),
  }
}

/**
 * The path of a public URL, which every path of the service has in front for callers; "" if it has
 * none.
 */
export const publicPathOf = (publicUrl: string | undefined): string =>
  publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '')
