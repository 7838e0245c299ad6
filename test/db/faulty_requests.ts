/** Requests with one fault and with each pair of them, and which of two is to be told. */
import { readFileSync } from 'node:fs'

/** `request LGAMT`: 1, and so on. */
export const RANKS = new Map(
  [
    ...readFileSync('docs/reference/errors.md', 'utf8')
      .matchAll(/^\| (\d+) \| (\w+) \| `(\w+)` \|/gm),
  ]
    .map(([, rank, group, code]) => [`${group} ${code}`, Number(rank)]),
)

export type Kind =
  | 'plain'
  | 'other'
  | 'unknown'
  | 'busy'
  | 'full'
  | 'poor'
  | 'rich'
  | 'frozen'
  | 'crowded'
  | 'holding'
  | 'same'
/** What is there of each user, by its name. */
export const REFS = {
  active: 1,
  released: 2,
  none: 99,
  credit: 1,
  debit: 2,
  reversed: 3,
  reversedCredit: 5,
  busyHalf: 8,
}
export interface Request {
  op: string
  user: Kind
  peer?: Kind
  amount?: string
  ref?: keyof typeof REFS
  key?: string
  metadata?: string
  expiresIn?: string
}
interface Fault {
  /** As in the table: whose reason it is, and its SQLSTATE. */
  reason: string
  change: Partial<Request>
}

export const REQUESTS: Record<string, Request> = {
  DEBIT: { op: 'DEBIT', user: 'plain', amount: '1' },
  CREDIT: { op: 'CREDIT', user: 'plain', amount: '1' },
  TRANSFER: { op: 'TRANSFER', user: 'plain', peer: 'other', amount: '1' },
  HOLD: { op: 'HOLD', user: 'plain', amount: '1' },
  CAPTURE: { op: 'CAPTURE', user: 'plain', ref: 'active', amount: '1' },
  'CAPTURE PART': { op: 'CAPTURE PART', user: 'plain', ref: 'active', amount: '1' },
  EXTEND: { op: 'EXTEND', user: 'plain', ref: 'active', expiresIn: '7200' },
  RELEASE: { op: 'RELEASE', user: 'plain', ref: 'active' },
  REVERSE: { op: 'REVERSE', user: 'plain', ref: 'debit' },
}

const EVERY: Fault[] = [
  { reason: 'request 22023', change: { metadata: '[]' } },
  { reason: 'request 22023', change: { key: 'a b' } },
  { reason: 'users LGUSR', change: { user: 'unknown' } },
  { reason: 'users 55P03', change: { user: 'busy' } },
  { reason: 'users 55P03', change: { user: 'crowded' } },
  { reason: 'users LGRNG', change: { user: 'full' } },
  { reason: 'key LGKEY', change: { key: 'used' } },
]
const AMOUNT: Fault = { reason: 'request LGAMT', change: { amount: '0.001' } }
const FROZEN: Fault = { reason: 'funds LGFRZ', change: { user: 'frozen' } }
const TOO_MUCH: Fault = { reason: 'funds LGFND', change: { amount: '5000' } }
const HOLDS: Fault[] = [
  { reason: 'target LGHLU', change: { ref: 'none' } },
  { reason: 'target LGHLD', change: { ref: 'released' } },
]
const CAPTURE: Fault[] = [
  AMOUNT,
  ...HOLDS,
  { reason: 'target LGAMT', change: { amount: '2.01' } },
  FROZEN,
  { reason: 'funds LGFND', change: { user: 'poor' } },
]
const EXPIRY: Fault = { reason: 'request 22023', change: { expiresIn: '0' } }
const FAULTS: Record<string, Fault[]> = {
  DEBIT: [AMOUNT, FROZEN, TOO_MUCH],
  CREDIT: [AMOUNT, { reason: 'funds LGRNG', change: { user: 'rich' } }],
  TRANSFER: [
    AMOUNT,
    { reason: 'request LGSAM', change: { peer: 'same' } },
    { reason: 'users LGUSR', change: { peer: 'unknown' } },
    { reason: 'users 55P03', change: { peer: 'busy' } },
    { reason: 'users LGRNG', change: { peer: 'full' } },
    FROZEN,
    TOO_MUCH,
    { reason: 'funds LGRNG', change: { peer: 'rich' } },
  ],
  HOLD: [AMOUNT, EXPIRY, FROZEN, TOO_MUCH, { reason: 'funds LGMAX', change: { user: 'holding' } }],
  CAPTURE,
  'CAPTURE PART': CAPTURE,
  EXTEND: [EXPIRY, ...HOLDS, { reason: 'target LGEXP', change: { expiresIn: '60' } }],
  RELEASE: HOLDS,
  REVERSE: [
    AMOUNT,
    { reason: 'target LGAMT', change: { amount: '5000' } },
    { reason: 'users 55P03', change: { ref: 'busyHalf' } },
    { reason: 'target LGENT', change: { ref: 'none' } },
    { reason: 'target LGREV', change: { ref: 'reversed' } },
    { reason: 'target LGREV', change: { ref: 'reversedCredit' } },
    { reason: 'funds LGFRZ', change: { user: 'frozen', ref: 'credit' } },
    { reason: 'funds LGFND', change: { user: 'poor', ref: 'credit' } },
    { reason: 'funds LGRNG', change: { user: 'rich' } },
  ],
}

/** What has several reasons: a spent credit that was reversed has both at one ref. */
const fits = (a: Fault, b: Fault) =>
  // Of the same user it would be another reason.
  a.change.user !== (b.change.peer ?? '') &&
    Object.keys(a.change).every((name) => !(name in b.change)) ||
  a.change.ref === 'reversedCredit' && b.reason === 'funds LGFND'

export const codeOf = ({ reason }: Fault) => reason.split(' ')[1]!
const rankOf = ({ reason }: Fault) => {
  const rank = RANKS.get(reason)
  if (rank === undefined) throw new Error(`${reason} is not in the table`)
  return rank
}

/**
 * The one that comes first; of two with the same number, that of the user before that of the peer.
 */
function firstOf(a: Fault, b: Fault): Fault {
  if (rankOf(a) !== rankOf(b)) return rankOf(a) < rankOf(b) ? a : b
  return 'user' in a.change ? a : b
}

export const CASES = Object.entries(REQUESTS).flatMap(([name, request]) => {
  const faults = [...EVERY, ...FAULTS[name]!]
  return faults.flatMap((a, i) => [
    { name, request: { ...request, ...a.change }, reasons: [a], first: a },
    ...faults.slice(i + 1).filter((b) => fits(a, b)).map((b) => ({
      name,
      request: { ...request, ...b.change, ...a.change },
      reasons: [a, b],
      first: firstOf(a, b),
    })),
  ])
})
/** Nobody has to wait for what is only too much for one call. */
export const isAlone = (request: Request) => ![request.user, request.peer].includes('crowded')
export const waits = (request: Request) =>
  [request.user, request.peer].includes('busy') ||
  request.ref === 'busyHalf' && request.user !== 'unknown'
