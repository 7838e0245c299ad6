/** What the OpenAPI document shows: the history of user 1, whose hashes are the real ones. */

const HASHES = [
  '2573be75f03a71266b4d8c39e633014d0e630fb369f1677cf0a12023b4cf4e6d',
  '721e5604b625cf1d6f888d765d38520d7a86976f9f25b1cf7e0c0f29791271b4',
] as const

const MOMENT = '2026-01-31T09:30:00.000000Z'

export const CREDIT = {
  seq: 1,
  action: 'CREDIT',
  amount: '1000.00',
  balance: '1000.00',
  ts: '2026-01-01T00:00:00.000000Z',
  hash: HASHES[0],
} as const

export const DEBIT = {
  seq: 2,
  action: 'DEBIT',
  amount: '100.00',
  balance: '900.00',
  ts: MOMENT,
  idempotency_key: 'order-17',
  metadata: { order: 17 },
  hash: HASHES[1],
} as const

export const EVENT = {
  id: `2-${HASHES[1].slice(0, 16)}`,
  type: 'entry.posted',
  timestamp: MOMENT,
  user_id: 1,
  data: DEBIT,
} as const

export const EVENT_CURSOR = `${EVENT.id}-8b055d7c`

/** As they come in a stream of server-sent events. */
export const EVENT_STREAM = `id: ${EVENT_CURSOR}\nevent: ${EVENT.type}\ndata: ${
  JSON.stringify(EVENT)
}\n\n`

export const SNAPSHOT = {
  id: 1,
  balance: '900.00',
  available: '900.00',
  seq: 2,
  updated_at: MOMENT,
} as const

export const POSTED = { ...SNAPSHOT, entry: DEBIT } as const

export const CREDITED = {
  ...SNAPSHOT,
  balance: '1000.00',
  available: '1000.00',
  seq: 1,
  entry: CREDIT,
} as const

/** A new user. */
export const EMPTY = {
  id: 42,
  reference: 'customer-42',
  balance: '0.00',
  available: '0.00',
  seq: 0,
  updated_at: MOMENT,
} as const

export const TRANSFERRED = {
  from: { ...POSTED, entry: { ...DEBIT, transfer: { user_id: 2, seq: 1 } } },
  to: {
    ...CREDITED,
    id: 2,
    balance: '100.00',
    available: '100.00',
    entry: { ...CREDIT, amount: '100.00', balance: '100.00', transfer: { user_id: 1, seq: 2 } },
  },
} as const

export const CAPTURED = { ...SNAPSHOT, entry: { ...DEBIT, hold: 1 } } as const

export const REVERSED = {
  ...SNAPSHOT,
  balance: '1000.00',
  available: '1000.00',
  seq: 3,
  entry: { ...CREDIT, seq: 3, amount: '100.00', reverses: 2 },
} as const

export const HOLD = {
  hold: 1,
  user_id: 1,
  amount: '100.00',
  status: 'active',
  expires_at: '2026-01-31T10:30:00.000000Z',
  available: '900.00',
} as const

const OPENING = { at: null, seq: 0, balance: '0.00', hash: null }
const CLOSING = { at: MOMENT, seq: 2, balance: '900.00', hash: HASHES[1] }

export const NDJSON_STATEMENT = [
  { opening: OPENING },
  ...[CREDIT, DEBIT].map((entry) => ({ ...entry, posted_at: entry.ts, held: '0.00' })),
  { closing: CLOSING },
]
  // Metadata is shown as it is stored: it is part of the hash.
  .map((line) => `${JSON.stringify(line).replace('{"order":17}', '{"order": 17}')}\n`).join('')

export const CSV_STATEMENT = [
  'kind,seq,action,amount,balance,ts,posted_at,held,idempotency_key,metadata,transfer_user_id,' +
  'transfer_seq,reverses,reversed_by,hold,hash,erased_by,archived_by',
  'opening,0,,,0.00,,,,,,,,,,,,,',
  `entry,1,CREDIT,1000.00,1000.00,${CREDIT.ts},${CREDIT.ts},0.00,,,,,,,,${HASHES[0]},,`,
  `entry,2,DEBIT,100.00,900.00,${MOMENT},${MOMENT},0.00,order-17,"{""order"": 17}",,,,,,` +
  `${HASHES[1]},,`,
  `closing,2,,,900.00,${MOMENT},,,,,,,,,,${HASHES[1]},,`,
].map((line) => `${line}\r\n`).join('')
