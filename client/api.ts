/** Made from the OpenAPI document by `npm run client:api`. */

import { ProblemError } from './errors.ts'

/** Why a request was refused (RFC 9457). */
export type Problem = {
  /** Where the code is explained. */
  type: string
  title: string
  status: number
  code:
    | 'invalid_request'
    | 'invalid_idempotency_key'
    | 'unauthorized'
    | 'forbidden'
    | 'unknown_user'
    | 'unknown_entry'
    | 'unknown_hold'
    | 'not_found'
    | 'method_not_allowed'
    | 'payload_too_large'
    | 'unsupported_media_type'
    | 'hold_not_active'
    | 'already_reversed'
    | 'cursor_gone'
    | 'user_frozen'
    | 'too_many_holds'
    | 'insufficient_funds'
    | 'idempotency_key_reused'
    | 'expiry_not_later'
    | 'balance_out_of_range'
    | 'same_user'
    | 'rate_limited'
    | 'busy'
    | 'outcome_unknown'
    | 'not_supported'
    | 'internal'
  detail?: string
  errors?: ({
    /** Where in the request: members and indexes, with points between. */
    path: string
    message: string
  })[]
  /** Decimal, two places. */
  balance?: string
  /** Decimal, two places. */
  available?: string
  /** Decimal, two places. */
  required?: string
  /** Decimal, two places. */
  shortfall?: string
  /** The cursor to go on from, for whoever accepts that. */
  resume?: string
}

/** A line of a statement: the opening, an entry, or the closing. */
export type StatementLine =
  | {
    opening: StatementBound
  }
  | StatementEntry
  | {
    closing: StatementBound
  }

/** Where a statement begins or ends. */
export type StatementBound = {
  at: string | null
  seq: number
  /** Decimal, two places. */
  balance: string
  hash: string | null
}

/** An entry with all that its hash is made of. */
export type StatementEntry = {
  /** 1, 2, 3 … for each user. */
  seq: number
  action: 'CREDIT' | 'DEBIT'
  /** Decimal, two places. */
  amount: string
  /** After this entry. */
  balance: string
  /** RFC 3339 in UTC, with microseconds. */
  ts: string
  idempotency_key?: string
  metadata?: Record<string, unknown>
  /** The other half of a transfer. */
  transfer?: {
    user_id: number
    seq: number
  }
  /** The entry that this one takes back. */
  reverses?: number
  /** The last entry that took this one back; not in the answers to writes. */
  reversed_by?: number
  /** How much of it has been taken back, if not all. */
  reversed?: string
  /** The hold that was captured. */
  hold?: number
  /** SHA-256 over the entry before and this one, 64 hexadecimal digits. */
  hash: string
  /** When it was posted: later than `ts` for a manual entry. */
  posted_at: string
  /** What active holds reserved after the entry. */
  held: string
  /** The intervention that erased its metadata and its key, which its hash covers. */
  erased_by?: number
  /** The intervention that archived its metadata, which its hash covers. */
  archived_by?: number
}

/** What a caller may do. */
export type Caller = {
  /** Of the token, or the subject of the JWT. */
  name?: string
  scopes: ('read' | 'debit' | 'credit' | 'transfer' | 'hold' | 'reverse' | 'journal' | 'admin')[]
  /** The only users that the caller may act for; left out: all. */
  users?: (number)[]
}

/** Users, by number. */
export type Users = {
  users: (User)[]
  /** `after` for the next page; null: there is none. */
  next: number | null
}

export type User = {
  id: number
  /** Decimal, two places. */
  balance: string
  /** What a debit can take. */
  available: string
  /** The number of entries so far. */
  seq: number
  /** RFC 3339 in UTC, with microseconds. */
  updated_at: string
  reference?: string
  metadata?: Record<string, unknown>
  /** RFC 3339 in UTC, with microseconds. */
  created_at: string
}

/** A user, its balance, and what it was made with. */
export type MadeUser = {
  id: number
  /** Decimal, two places. */
  balance: string
  /** What a debit can take. */
  available: string
  /** The number of entries so far. */
  seq: number
  /** RFC 3339 in UTC, with microseconds. */
  updated_at: string
  reference?: string
  metadata?: Record<string, unknown>
}

/** A user and its balance. */
export type Snapshot = {
  id: number
  /** Decimal, two places. */
  balance: string
  /** What a debit can take. */
  available: string
  /** The number of entries so far. */
  seq: number
  /** RFC 3339 in UTC, with microseconds. */
  updated_at: string
}

/** The user after an entry, and the entry. */
export type Posted = {
  id: number
  /** Decimal, two places. */
  balance: string
  /** What a debit can take. */
  available: string
  /** The number of entries so far. */
  seq: number
  /** RFC 3339 in UTC, with microseconds. */
  updated_at: string
  entry: Entry
}

/** A credit or a debit of a user. */
export type Entry = {
  /** 1, 2, 3 … for each user. */
  seq: number
  action: 'CREDIT' | 'DEBIT'
  /** Decimal, two places. */
  amount: string
  /** After this entry. */
  balance: string
  /** RFC 3339 in UTC, with microseconds. */
  ts: string
  idempotency_key?: string
  metadata?: Record<string, unknown>
  /** The other half of a transfer. */
  transfer?: {
    user_id: number
    seq: number
  }
  /** The entry that this one takes back. */
  reverses?: number
  /** The last entry that took this one back; not in the answers to writes. */
  reversed_by?: number
  /** How much of it has been taken back, if not all. */
  reversed?: string
  /** The hold that was captured. */
  hold?: number
  /** SHA-256 over the entry before and this one, 64 hexadecimal digits. */
  hash: string
}

/** Entries of a user, newest first. */
export type Page = {
  entries: (Entry)[]
  /** `before` for the next page; null: there is none. */
  next: number | null
}

/** What the ledger held for a user at a moment. */
export type BalanceAt = {
  id: number
  /** RFC 3339 in UTC, with microseconds. */
  at: string
  /** Decimal, two places. */
  balance: string
  /** The last entry by then; 0: none. */
  seq: number
}

/** What is wrong with the history of a user; no findings: nothing. */
export type Verification = {
  id: number
  ok: boolean
  /** How many were read. */
  entries: number
  findings: ({
    finding: string
    user_id: number
    seq: number | null
    detail: string | null
  })[]
  /** There may be more findings: only as many entries were read as it took to find these, or as there was time for. */
  partial?: true
}

/** An amount that is set aside. */
export type Hold = {
  /** 1, 2, 3 … for each user. */
  hold: number
  user_id: number
  /** Decimal, two places. */
  amount: string
  status: 'active' | 'captured' | 'released' | 'expired'
  expires_at: string | null
  /** What is left for others. */
  available: string
}

/** Holds of a user, by number. */
export type Holds = {
  holds: (HeldHold)[]
  /** `after` for the next page; null: there is none. */
  next: number | null
}

/** A hold as it is now. */
export type HeldHold = {
  /** 1, 2, 3 … for each user. */
  hold: number
  user_id: number
  /** Decimal, two places. */
  amount: string
  status: 'active' | 'captured' | 'released' | 'expired'
  expires_at: string | null
  /** What is left for others. */
  available: string
  /** What of it has been captured. */
  captured: string
  /** What of it is still held. */
  remaining: string
  idempotency_key?: string
  metadata?: Record<string, unknown>
  /** RFC 3339 in UTC, with microseconds. */
  created_at: string
  /** When nothing of it was held any more. */
  closed_at?: string
}

/** What a user may do, and who said so, newest first. */
export type Controls = {
  id: number
  /** Since when the user is frozen; null: it is not. */
  frozen_at: string | null
  /** How far below zero its balance may go. */
  credit_limit: string
  changes: (Control)[]
  /** `before` for the next page; null: there is none. */
  next: number | null
}

export type Control = {
  /** 1, 2, 3 … for each user. */
  number: number
  /** RFC 3339 in UTC, with microseconds. */
  at: string
  operation: 'freeze' | 'thaw' | 'credit_limit'
  /** Decimal, two places. */
  credit_limit?: string
  reason?: string
  /** Who had logged in to the database. */
  role: string
  /** The name of the caller, over HTTP with access on. */
  caller?: string
}

/** A user, and what it may do. */
export type ControlledUser = {
  id: number
  /** Decimal, two places. */
  balance: string
  /** What a debit can take. */
  available: string
  /** The number of entries so far. */
  seq: number
  /** RFC 3339 in UTC, with microseconds. */
  updated_at: string
  /** Since when the user is frozen; null: it is not. */
  frozen_at: string | null
  /** How far below zero its balance may go. */
  credit_limit: string
}

/** Entries of everybody, newest first. */
export type Journal = {
  entries: (JournalEntry)[]
  /** `before` for the next page, on several servers a text; null: there is none. */
  next: number | string | null
}

export type JournalEntry = {
  /** 1, 2, 3 … for each user. */
  seq: number
  action: 'CREDIT' | 'DEBIT'
  /** Decimal, two places. */
  amount: string
  /** After this entry. */
  balance: string
  /** RFC 3339 in UTC, with microseconds. */
  ts: string
  idempotency_key?: string
  metadata?: Record<string, unknown>
  /** The other half of a transfer. */
  transfer?: {
    user_id: number
    seq: number
  }
  /** The entry that this one takes back. */
  reverses?: number
  /** The last entry that took this one back; not in the answers to writes. */
  reversed_by?: number
  /** How much of it has been taken back, if not all. */
  reversed?: string
  /** The hold that was captured. */
  hold?: number
  /** SHA-256 over the entry before and this one, 64 hexadecimal digits. */
  hash: string
  /** Where it is among all entries: the higher, the later. Left out on several servers, as each numbers its own. */
  position?: number
  user_id: number
}

/** What has happened, in order. */
export type Events = {
  events: (Event)[]
  /** `after` for the next page, whether or not this one has any events. */
  next: string
  /** Whether the next page has to be read at once. */
  has_more: boolean
}

/** Something that has happened to a user. */
export type Event = {
  /** The same whenever and wherever the event is read. */
  id: string
  /** When it happened, by the clock of the database. */
  timestamp: string
  user_id: number
  type: 'entry.posted'
  data: Entry
} | {
  /** The same whenever and wherever the event is read. */
  id: string
  /** When it happened, by the clock of the database. */
  timestamp: string
  user_id: number
  type: 'hold.placed' | 'hold.captured' | 'hold.extended' | 'hold.released'
  data: HoldChange
} | {
  /** The same whenever and wherever the event is read. */
  id: string
  /** When it happened, by the clock of the database. */
  timestamp: string
  user_id: number
  type: 'user.frozen' | 'user.thawed' | 'user.credit_limit_set'
  data: Control
}

/** A change of a hold, and what it came to. */
export type HoldChange = {
  hold: number
  /** 1, 2, 3 … for each hold. */
  number: number
  /** What was set aside, captured or released. */
  amount: string
  /** What of it is still held. */
  remaining: string
  expires_at: string | null
  /** Decimal, two places. */
  balance?: string
  /** What is left for others. */
  available?: string
  /** Of a capture, its entry; otherwise the last one before. */
  seq?: number
  idempotency_key?: string
  metadata?: Record<string, unknown>
}

/** Several users at one moment. */
export type Balances = {
  /** RFC 3339 in UTC, with microseconds. */
  at: string
  balances: ({
    id: number
    /** Decimal, two places. */
    balance: string
    /** The last entry by then; 0: none. */
    seq: number
  })[]
}

/** Both users after a transfer, and their entries. */
export type Transfer = {
  from: Posted
  to: Posted
}

/** One result for each item, in order. */
export type Results = {
  results: ({
    id: number
    /** Decimal, two places. */
    balance: string
    /** What a debit can take. */
    available: string
    /** The number of entries so far. */
    seq: number
    /** RFC 3339 in UTC, with microseconds. */
    updated_at: string
    entry: Entry
    status: 201
  } | {
    /** Where the code is explained. */
    type: string
    title: string
    status: number
    code:
      | 'invalid_request'
      | 'invalid_idempotency_key'
      | 'unauthorized'
      | 'forbidden'
      | 'unknown_user'
      | 'unknown_entry'
      | 'unknown_hold'
      | 'not_found'
      | 'method_not_allowed'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'hold_not_active'
      | 'already_reversed'
      | 'cursor_gone'
      | 'user_frozen'
      | 'too_many_holds'
      | 'insufficient_funds'
      | 'idempotency_key_reused'
      | 'expiry_not_later'
      | 'balance_out_of_range'
      | 'same_user'
      | 'rate_limited'
      | 'busy'
      | 'outcome_unknown'
      | 'not_supported'
      | 'internal'
    detail?: string
    errors?: ({
      /** Where in the request: members and indexes, with points between. */
      path: string
      message: string
    })[]
    /** Decimal, two places. */
    balance?: string
    /** Decimal, two places. */
    available?: string
    /** Decimal, two places. */
    required?: string
    /** Decimal, two places. */
    shortfall?: string
    /** The cursor to go on from, for whoever accepts that. */
    resume?: string
    idempotency_key?: string
  })[]
}

/** A result for each item, in order. */
export type OperationResults = {
  results: (OperationResult)[]
}

export type OperationResult = {
  /** Of the single call. */
  status: number
  /** What the single call would have answered, a problem included. */
  body: Record<string, unknown>
  /** The key that counted. */
  idempotency_key?: string
  /** It is the first answer again. */
  replayed?: true
}

/** `live`: the process runs; `ready`: the service can be used. */
export type Health = {
  status: 'live' | 'ready'
}

/** Where this service is described. */
export type Links = {
  docs: string
  openapi: string
}

/** Each operation by its name: the values of its path, its body or query, options. */

export interface Operations<Options> {
  /** What the caller may do. */
  getCaller(options?: Options): Promise<Caller>
  /** Users, by number; or the one with a reference. */
  listUsers(query?: {
    reference?: string
    after?: number
    limit?: number
  }, options?: Options): Promise<Users>
  /** Make a user. */
  createUser(body?: {
    /** Left out: the next free number. */
    id?: number
    /** Your own name for the user, of one user only; compared byte by byte. */
    reference?: string
    /** Kept with the user; at most 4 KiB. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<MadeUser>
  /** The balance of a user. */
  getUser(id: number, options?: Options): Promise<Snapshot>
  /** Take an amount from a user. */
  debitUser(id: number, body: {
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Posted>
  /** Add an amount to a user. */
  creditUser(id: number, body: {
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Posted>
  /** Post manual entries, and recalculate the balance from the history. */
  recalculateBalance(id: number, body?: Record<string, never>, options?: Options): Promise<Snapshot>
  /** The entries of a user, newest first; or a statement. */
  listEntries(id: number, query?: {
    limit?: number
    before?: number
    from?: string
    to?: string
    after?: number
    min_seq?: number
    action?: 'CREDIT' | 'DEBIT'
    key?: string
  }, options?: Options): Promise<Page>
  /** An entry of a user. */
  getEntry(id: number, seq: number, options?: Options): Promise<Entry>
  /** Take an entry back, or a part of it. */
  reverseEntry(id: number, seq: number, body?: {
    /** Left out: all that has not been reversed yet. */
    amount?: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Posted>
  /** What the ledger held at a moment. */
  getBalanceAt(id: number, query?: {
    at?: string
    min_seq?: number
  }, options?: Options): Promise<BalanceAt>
  /** Whether the history of a user proves its balance. */
  verifyUser(id: number, options?: Options): Promise<Verification>
  /** Set an amount aside. */
  placeHold(id: number, body: {
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Seconds, with at most three decimals. Left out: it never expires. */
    expires_in?: number
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Hold>
  /** The holds of a user, by number. */
  listHolds(id: number, query?: {
    status?: 'active' | 'captured' | 'released' | 'expired'
    key?: string
    after?: number
    limit?: number
  }, options?: Options): Promise<Holds>
  /** Take what is held, or a part of it. */
  captureHold(id: number, hold: number, body?: {
    /** Left out: all that is held. */
    amount?: number | string
    /** false: what is not captured stays held, for other captures. Otherwise it is released. */
    final?: boolean
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Posted>
  /** Let a hold expire later. */
  extendHold(id: number, hold: number, body: {
    /** Seconds from now, with at most three decimals; null: it never expires. */
    expires_in: number | null
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Hold>
  /** Give back what is held. */
  releaseHold(id: number, hold: number, body?: {
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Snapshot>
  /** A hold of a user. */
  getHold(id: number, hold: number, options?: Options): Promise<HeldHold>
  /** Whether a user is frozen, and its credit limit. */
  listControls(id: number, query?: {
    before?: number
    limit?: number
  }, options?: Options): Promise<Controls>
  /** Take nothing from a user until it is thawed. */
  freezeUser(id: number, body?: {
    /** Why; kept with who did it and when. */
    reason?: string
  }, options?: Options): Promise<ControlledUser>
  /** Let a frozen user spend again. */
  thawUser(id: number, body?: {
    /** Why; kept with who did it and when. */
    reason?: string
  }, options?: Options): Promise<ControlledUser>
  /** Set how far below zero the balance of a user may go. */
  setCreditLimit(id: number, body: {
    /** 0: none. */
    credit_limit: number | string
    /** Why; kept with who did it and when. */
    reason?: string
  }, options?: Options): Promise<ControlledUser>
  /** The entries of everybody, newest first. */
  listJournal(query?: {
    limit?: number
    before?: number | string
  }, options?: Options): Promise<Journal>
  /** What has happened, in order. */
  listEvents(query?: {
    after?: string
    user?: number
    type?:
      | 'entry.posted'
      | 'hold.placed'
      | 'hold.captured'
      | 'hold.extended'
      | 'hold.released'
      | 'user.frozen'
      | 'user.thawed'
      | 'user.credit_limit_set'
    limit?: number
  }, options?: Options): Promise<Events>
  /** What the ledger held for several users at one moment. */
  getBalances(query: {
    ids: (number)[]
    at?: string
  }, options?: Options): Promise<Balances>
  /** Move an amount from one user to another, both halves or neither. */
  transfer(body: {
    /** The user whom the amount is taken from. */
    from: number
    /** The user who gets it. */
    to: number
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  }, options?: Options): Promise<Transfer>
  /** Take amounts from many users, each debit for itself. */
  debitUsers(body: ({
    user_id: number
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    idempotency_key?: string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  })[], options?: Options): Promise<Results>
  /** Do many operations of any kind, each for itself. */
  postOperations(body: ({
    kind: 'debit'
    user_id: number
    idempotency_key?: string
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'credit'
    user_id: number
    idempotency_key?: string
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'transfer'
    idempotency_key?: string
    /** The user whom the amount is taken from. */
    from: number
    /** The user who gets it. */
    to: number
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'hold'
    user_id: number
    idempotency_key?: string
    /** More than zero, at most two decimals, at most 9999999999.99. */
    amount: number | string
    /** Seconds, with at most three decimals. Left out: it never expires. */
    expires_in?: number
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'capture'
    user_id: number
    idempotency_key?: string
    /** The number of a hold of the user. */
    hold: number
    /** Left out: all that is held. */
    amount?: number | string
    /** false: what is not captured stays held, for other captures. Otherwise it is released. */
    final?: boolean
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'extend'
    user_id: number
    idempotency_key?: string
    /** The number of a hold of the user. */
    hold: number
    /** Seconds from now, with at most three decimals; null: it never expires. */
    expires_in: number | null
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'release'
    user_id: number
    idempotency_key?: string
    /** The number of a hold of the user. */
    hold: number
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'reverse'
    user_id: number
    idempotency_key?: string
    /** The number of an entry of the user. */
    seq: number
    /** Left out: all that has not been reversed yet. */
    amount?: number | string
    /** Any members; kept with the entry. At most 4 KiB of JSON. */
    metadata?: Record<string, unknown>
  } | {
    kind: 'recalculate'
    user_id: number
  })[], options?: Options): Promise<OperationResults>
}

/** Method, path, what else it takes, and whether it takes an Idempotency-Key. */

export const OPERATIONS = {
  getCaller: ['GET', '/me', 'none', false],
  listUsers: ['GET', '/users', 'query', false],
  createUser: ['POST', '/users', 'body', true],
  getUser: ['GET', '/users/{id}', 'none', false],
  debitUser: ['POST', '/users/{id}/debit', 'body', true],
  creditUser: ['POST', '/users/{id}/credit', 'body', true],
  recalculateBalance: ['POST', '/users/{id}/recalculate', 'body', false],
  listEntries: ['GET', '/users/{id}/history', 'query', false],
  getEntry: ['GET', '/users/{id}/history/{seq}', 'none', false],
  reverseEntry: ['POST', '/users/{id}/history/{seq}/reverse', 'body', true],
  getBalanceAt: ['GET', '/users/{id}/balance', 'query', false],
  verifyUser: ['GET', '/users/{id}/verify', 'none', false],
  placeHold: ['POST', '/users/{id}/holds', 'body', true],
  listHolds: ['GET', '/users/{id}/holds', 'query', false],
  captureHold: ['POST', '/users/{id}/holds/{hold}/capture', 'body', true],
  extendHold: ['POST', '/users/{id}/holds/{hold}/extend', 'body', true],
  releaseHold: ['POST', '/users/{id}/holds/{hold}/release', 'body', true],
  getHold: ['GET', '/users/{id}/holds/{hold}', 'none', false],
  listControls: ['GET', '/users/{id}/controls', 'query', false],
  freezeUser: ['POST', '/users/{id}/freeze', 'body', false],
  thawUser: ['POST', '/users/{id}/thaw', 'body', false],
  setCreditLimit: ['POST', '/users/{id}/credit-limit', 'body', false],
  listJournal: ['GET', '/entries', 'query', false],
  listEvents: ['GET', '/events', 'query', false],
  getBalances: ['GET', '/balances', 'query', false],
  transfer: ['POST', '/transfers', 'body', true],
  debitUsers: ['POST', '/debits', 'body', true],
  postOperations: ['POST', '/operations', 'body', true],
} as const

export class InvalidRequestError extends ProblemError<Problem & { code: 'invalid_request' }> {
  override name = 'InvalidRequestError'
}

export class InvalidIdempotencyKeyError
  extends ProblemError<Problem & { code: 'invalid_idempotency_key' }> {
  override name = 'InvalidIdempotencyKeyError'
}

export class UnauthorizedError extends ProblemError<Problem & { code: 'unauthorized' }> {
  override name = 'UnauthorizedError'
}

export class ForbiddenError extends ProblemError<Problem & { code: 'forbidden' }> {
  override name = 'ForbiddenError'
}

export class UnknownUserError extends ProblemError<Problem & { code: 'unknown_user' }> {
  override name = 'UnknownUserError'
}

export class UnknownEntryError extends ProblemError<Problem & { code: 'unknown_entry' }> {
  override name = 'UnknownEntryError'
}

export class UnknownHoldError extends ProblemError<Problem & { code: 'unknown_hold' }> {
  override name = 'UnknownHoldError'
}

export class NotFoundError extends ProblemError<Problem & { code: 'not_found' }> {
  override name = 'NotFoundError'
}

export class MethodNotAllowedError extends ProblemError<Problem & { code: 'method_not_allowed' }> {
  override name = 'MethodNotAllowedError'
}

export class PayloadTooLargeError extends ProblemError<Problem & { code: 'payload_too_large' }> {
  override name = 'PayloadTooLargeError'
}

export class UnsupportedMediaTypeError
  extends ProblemError<Problem & { code: 'unsupported_media_type' }> {
  override name = 'UnsupportedMediaTypeError'
}

export class HoldNotActiveError extends ProblemError<Problem & { code: 'hold_not_active' }> {
  override name = 'HoldNotActiveError'
}

export class AlreadyReversedError extends ProblemError<Problem & { code: 'already_reversed' }> {
  override name = 'AlreadyReversedError'
}

export class CursorGoneError extends ProblemError<Problem & { code: 'cursor_gone' }> {
  override name = 'CursorGoneError'
}

export class UserFrozenError extends ProblemError<Problem & { code: 'user_frozen' }> {
  override name = 'UserFrozenError'
}

export class TooManyHoldsError extends ProblemError<Problem & { code: 'too_many_holds' }> {
  override name = 'TooManyHoldsError'
}

export class InsufficientFundsError extends ProblemError<Problem & { code: 'insufficient_funds' }> {
  override name = 'InsufficientFundsError'
}

export class IdempotencyKeyReusedError
  extends ProblemError<Problem & { code: 'idempotency_key_reused' }> {
  override name = 'IdempotencyKeyReusedError'
}

export class ExpiryNotLaterError extends ProblemError<Problem & { code: 'expiry_not_later' }> {
  override name = 'ExpiryNotLaterError'
}

export class BalanceOutOfRangeError
  extends ProblemError<Problem & { code: 'balance_out_of_range' }> {
  override name = 'BalanceOutOfRangeError'
}

export class SameUserError extends ProblemError<Problem & { code: 'same_user' }> {
  override name = 'SameUserError'
}

export class RateLimitedError extends ProblemError<Problem & { code: 'rate_limited' }> {
  override name = 'RateLimitedError'
}

export class BusyError extends ProblemError<Problem & { code: 'busy' }> {
  override name = 'BusyError'
}

export class OutcomeUnknownError extends ProblemError<Problem & { code: 'outcome_unknown' }> {
  override name = 'OutcomeUnknownError'
}

export class NotSupportedError extends ProblemError<Problem & { code: 'not_supported' }> {
  override name = 'NotSupportedError'
}

export class InternalError extends ProblemError<Problem & { code: 'internal' }> {
  override name = 'InternalError'
}

/** By code. */

export const ERRORS = {
  invalid_request: InvalidRequestError,
  invalid_idempotency_key: InvalidIdempotencyKeyError,
  unauthorized: UnauthorizedError,
  forbidden: ForbiddenError,
  unknown_user: UnknownUserError,
  unknown_entry: UnknownEntryError,
  unknown_hold: UnknownHoldError,
  not_found: NotFoundError,
  method_not_allowed: MethodNotAllowedError,
  payload_too_large: PayloadTooLargeError,
  unsupported_media_type: UnsupportedMediaTypeError,
  hold_not_active: HoldNotActiveError,
  already_reversed: AlreadyReversedError,
  cursor_gone: CursorGoneError,
  user_frozen: UserFrozenError,
  too_many_holds: TooManyHoldsError,
  insufficient_funds: InsufficientFundsError,
  idempotency_key_reused: IdempotencyKeyReusedError,
  expiry_not_later: ExpiryNotLaterError,
  balance_out_of_range: BalanceOutOfRangeError,
  same_user: SameUserError,
  rate_limited: RateLimitedError,
  busy: BusyError,
  outcome_unknown: OutcomeUnknownError,
  not_supported: NotSupportedError,
  internal: InternalError,
} as const
