/** Who sent a request, and which users that caller may act for. */
import type { Context } from 'hono'
import { Problem } from '../core/errors.ts'
import { networkKey } from '../http/peer.ts'
import type { Scope } from './scopes.ts'

/** Who sent a request. */
export interface Caller {
  /** The name of a token, or the subject of a JWT. It isn't secret. */
  name: string
  scopes: ReadonlySet<Scope>
  /** The only users that the caller may act for; left out: all. */
  users?: ReadonlySet<number>
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Undefined where access is off, and on routes that are open to everybody. */
    caller?: Caller
  }
}

/** Whether the caller may act for this user. */
export const isUserAllowed = (c: Context, userId: number): boolean =>
  c.get('caller')?.users?.has(userId) ?? true

/** @throws Problem if one of the users is none of the caller's, whether it exists or not */
export function assertUserAllowed(c: Context, ...userIds: (number | undefined)[]): void {
  const isBound = c.get('caller')?.users !== undefined
  if (isBound && !userIds.every((id) => id !== undefined && isUserAllowed(c, id))) {
    throw new Problem('forbidden')
  }
}

/** The key of whoever sent a request, for limits: the caller's name, or else its network. */
export const callerKey = (c: Context): string => {
  const name = c.get('caller')?.name
  return name === undefined ? networkKey(c) : `name ${name}`
}
