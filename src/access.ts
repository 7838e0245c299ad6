/** Who may do what: every request has a caller, or is refused, before anything else looks at it. */
import type { MiddlewareHandler } from 'hono'

export const SCOPES = ['read', 'debit', 'credit', 'transfer', 'hold', 'reverse', 'admin'] as const

export type Scope = typeof SCOPES[number]

/** Who sent a request. */
export interface Caller {
  /** Of a token, or the subject of a JWT; not a secret. */
  name: string
  scopes: ReadonlySet<Scope>
  /** The only users that the caller reaches; left out: all. */
  users?: ReadonlySet<number>
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Undefined where access is off, and on routes that are open to everybody. */
    caller?: Caller
    /** The address that the request came from; '' where nobody knows it. */
    peer: string
  }
}

export interface Access {
  /** Sets `caller`, or throws a Problem. */
  middleware: MiddlewareHandler
}
