/** Who sends a request to a service with access on, and what must become of it for that alone. */
import fc from 'fast-check'
import { type Scope, SCOPES } from '../../src/auth/scopes.ts'
import { type Held, sha256 } from '../support/access.ts'
import type { Document } from '../support/openapi.ts'
import type { Answer } from './connection.ts'
import type { Request } from './request.ts'
import { decodedPath, leaksIn, problemFaults, routeOf } from './rules.ts'

export interface Caller {
  headers: [string, string][]
  /** Left out: nobody whom the service knows. */
  scopes?: readonly Scope[]
  /** The only users that the caller may reach. */
  users?: number[]
}

const ALL = 'all-of-them'

/**
 * The callers whom the service knows: one for everything, one for each scope, one bound to users.
 */
export const heldBy = (users: number[]): Held[] => [
  { tokens: [ALL], scopes: SCOPES },
  ...SCOPES.map((scope) => ({ tokens: [`only-${scope}`], scopes: [scope] })),
  { tokens: ['bound'], scopes: SCOPES, users },
]

/** What nobody may take for that token, each as the header has it. */
const BAD_CREDENTIALS = [
  ['', 'Bearer', 'Bearer ', ALL, `Basic ${btoa(`${ALL}:`)}`, `Token ${ALL}`, 'Negotiate x'],
  [`Bearer ${ALL} x`, `Bearer ${ALL},`, `Bearer "${ALL}"`, `Bearer ${ALL}=`, `Bearer: ${ALL}`],
  [
    `Bearer ${ALL}s`,
    `Bearer ${ALL.slice(0, -1)}`,
    `Bearer ${ALL.toUpperCase()}`,
    'Bearer caller-0',
  ],
  [`Bearer ${sha256(ALL)}`, `Bearer\t${ALL}`, `BearerBearer ${ALL}`, `Bearer Bearer ${ALL}`],
  [
    'Bearer \xe9',
    'Bearer null',
    'Bearer ..',
    'Bearer eyJhbGciOiJub25lIn0.e30.', // not a secret
    'Bearer __proto__',
  ],
  [`Bearer ${'x'.repeat(2_000)}`, `Bearer ${'a.'.repeat(500)}`, `Bearer ${'='.repeat(500)}`],
].flat()

const authorization = (value: string): [string, string] => ['Authorization', value]
const BAD_HEADERS: [string, string][][] = [
  [],
  [['Proxy-Authorization', `Bearer ${ALL}`]],
  [['Cookie', `Authorization=Bearer ${ALL}`]],
  [['X-Authorization', `Bearer ${ALL}`]],
  ...BAD_CREDENTIALS.map((value) => [authorization(value)]),
]

const asBearer = (token: string) =>
  fc.constantFrom('Bearer', 'Bearer', 'bearer', 'BEARER ').map((scheme) => [
    authorization(`${scheme} ${token}`),
  ])

/** Whom a request is from: each of those above, or somebody who isn't known. */
export function callers(users: number[]): fc.Arbitrary<Caller> {
  const known = heldBy(users).map(({ tokens, ...rest }) =>
    asBearer(tokens[0]!).map((headers) => ({ headers, ...rest }))
  )
  const [all, ...others] = known
  const bound = others.pop()
  return fc.oneof<fc.MaybeWeightedArbitrary<Caller>[]>(
    { weight: 4, arbitrary: all! },
    { weight: 4, arbitrary: bound! },
    { weight: 6, arbitrary: fc.oneof(...others) },
    { weight: 4, arbitrary: fc.constantFrom(...BAD_HEADERS).map((headers) => ({ headers })) },
  )
}

/** By the last part of a path that is written to, or belongs to no user. */
const NEEDS: Record<string, Scope | 'any' | 'open'> = {
  debit: 'debit',
  debits: 'debit',
  credit: 'credit',
  transfers: 'transfer',
  holds: 'hold',
  capture: 'hold',
  extend: 'hold',
  release: 'hold',
  reverse: 'reverse',
  users: 'admin',
  recalculate: 'admin',
  freeze: 'admin',
  thaw: 'admin',
  'credit-limit': 'admin',
  entries: 'journal',
  events: 'read',
  me: 'any',
  // Each item needs the scope of its own route.
  operations: 'any',
  metrics: 'admin',
  '': 'open',
  docs: 'open',
  console: 'open',
  '{file}': 'open',
  'openapi.json': 'open',
  healthz: 'open',
  livez: 'open',
  readyz: 'open',
}

/** Whether a page of another origin sends it, as a browser would say. */
const isForeign = ({ method, headers }: Request): boolean =>
  !['GET', 'HEAD', 'OPTIONS'].includes(method) && headers.some(([name]) => name === 'Origin')

/** With what a request is refused for its caller's sake, whatever else is wrong with it. */
export function refusalOf(
  document: Document,
  request: Request,
): 'unauthorized' | 'forbidden' | undefined {
  const { caller } = request
  if (isForeign(request)) return 'forbidden'
  if (!caller) return undefined
  const route = routeOf(document, request)
  const needed = 'code' in route
    ? 'any'
    : route.method === 'get' && /^\/(users|balances)/.test(route.path)
    ? 'read'
    : NEEDS[route.path.split('/').at(-1)!]!
  if (needed === 'open') return undefined
  if (!caller.scopes) return 'unauthorized'
  // There or not, with this method or not: it is somebody else's.
  const [, user] = /^\/users\/(\d+)(\/|$)/.exec(decodedPath(request.target)) ?? []
  if (user !== undefined && caller.users?.includes(Number(user)) === false) return 'forbidden'
  return needed === 'any' || caller.scopes.includes(needed) ? undefined : 'forbidden'
}

const STATUS = { unauthorized: 401, forbidden: 403 }

/** What is wrong with the answer to a request that had to be refused for its caller's sake. */
export function refusalFaults(
  document: Document,
  refusal: keyof typeof STATUS,
  request: Request,
  answer: Answer,
): string[] {
  if (answer.status !== STATUS[refusal]) return [`not ${refusal}`]
  // Another scope would help, but not with somebody else's user, or on a page of another origin.
  const { method, caller } = request
  const isHopeless = caller?.users || isForeign(request)
  const wanted = isHopeless ? 'none' : 'Bearer realm="ledger"'
  const challenge = answer.headers['www-authenticate'] ?? 'none'
  return [
    ...(challenge.startsWith(wanted) ? [] : [`challenge: ${challenge}`]),
    ...leaksIn(answer),
    ...(method === 'HEAD' ? [] : problemFaults(document, answer)),
  ]
}

interface Body {
  id?: number
  user_id?: number
  from?: Body
  to?: Body
  results?: Body[]
}

/** What is wrong when somebody who may do this was answered. */
export function reachFaults({ caller, target, method }: Request, answer: Answer): string[] {
  if (!caller?.scopes) return []
  const path = decodedPath(target)
  // Whether it asks for the events of everybody depends on its query.
  const mayLackScope = path === '/events' && !caller.scopes.includes('journal')
  const isForbidden = answer.status === 403 && !caller.users && !mayLackScope
  if (answer.status === 401 || isForbidden) return ['refused']
  if (answer.status >= 300 || !caller.users) return []
  const { users } = caller
  const [, inPath] = /^\/users\/([^/]+)/.exec(path) ?? []
  const isJson = method !== 'HEAD' && answer.headers['content-type'] === 'application/json'
  const body = isJson ? JSON.parse(answer.text) as Body : {}
  const reached = [
    inPath === undefined ? undefined : Number(inPath),
    ...[body, body.from, body.to, ...body.results ?? []].flatMap((one) => [one?.id, one?.user_id]),
  ]
  return reached.filter((id) => id !== undefined && !users.includes(id))
    .map((id) => `reached user ${id}`)
}
