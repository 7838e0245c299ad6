/** The settings that say where the service is for those outside. */
import { z } from 'zod'

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
}

export interface EdgeConfig {
  /** Without a slash at its end; left out: where it listens. */
  publicUrl?: string
}

/** The part of the configuration that these settings make. */
export function edgeConfig(s: z.infer<z.ZodObject<typeof EDGE_SETTINGS>>): EdgeConfig {
  return {
    ...(s.PUBLIC_URL && { publicUrl: s.PUBLIC_URL }),
  }
}

/** The path that a public URL has in front of each path of the service; '' if there is none. */
export const publicPathOf = (publicUrl: string | undefined): string =>
  publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '')
