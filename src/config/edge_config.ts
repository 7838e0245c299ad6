/** The settings that say where the service is for those outside, and which web pages may ask it. */
import { z } from 'zod'

const list = (one: z.ZodType, message: string) =>
  z.string().transform((text) => text.toLowerCase().split(','))
    .refine((all) => all.every((text) => one.safeParse(text).success), message)

/** As `Origin` has it: no path, not even a slash. */
const origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text)
const hostName = z.string().regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/)

/** What is no part of where something is. */
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
  /** Without a slash at its end; left out: where it listens. */
  publicUrl?: string
  /** Names under which the service may be asked for while access is off. */
  allowedHosts?: string[]
  /** Origins whose pages may send requests. */
  corsOrigins?: string[]
}

/** The part of the configuration that these settings make. */
export function edgeConfig(s: z.infer<z.ZodObject<typeof EDGE_SETTINGS>>): EdgeConfig {
  return {
    ...(s.PUBLIC_URL && { publicUrl: s.PUBLIC_URL }),
    ...(s.ALLOWED_HOSTS && { allowedHosts: s.ALLOWED_HOSTS }),
    ...(s.CORS_ORIGINS && { corsOrigins: s.CORS_ORIGINS }),
  }
}

/** The path that a public URL has in front of each path of the service; '' if there is none. */
export const publicPathOf = (publicUrl: string | undefined): string =>
  publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '')
