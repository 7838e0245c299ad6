/** How a rule is broken, and what several mutations have in common. */
import type { Mutation } from './broken.ts'
import type { SCENARIOS } from './interleavings.ts'

export interface Case {
  broken: Mutation[]
  scenario: keyof typeof SCENARIOS
  /** Whether the storm finds it, too, with one of a few seeds. */
  storm?: boolean
}

/** A record with other values in some of its fields. */
export const but = (record: string, fields: Record<string, string>) =>
  `jsonb_populate_record(${record}, jsonb_build_object(${
    Object.entries(fields).map(([name, value]) => `'${name}', ${value}`).join(', ')
  }))`

export const fn = (fn: string, by: string): Mutation => ({ fn, by })
export const lines = (file: string, lines: Record<string, string>): Mutation => ({ file, lines })

/** A debit or credit without the shorter way. */
export const changes = (broken: Record<string, string>): Mutation[] => [
  fn('add_plain_entry', 'select ledger.post_change(action, user_id, amount, null, null, null)'),
  fn(
    'add_entry',
    'select ledger.post_change(action, user_id, amount, null, idempotency_key, metadata)',
  ),
  lines('post_change', broken),
]

/** A transfer without the shorter way. */
export const pairs = (broken: Record<string, string>): Mutation[] => [
  lines('transfer', { short: 'if false' }),
  lines('post_pair', broken),
]

export const NO_LOCK_OF_ONE = {
  post_change: changes({ lock: 'from public.users u where u.id = post_change.user_id;' }),
  lock_account: lines('lock_account', {
    lock: 'from public.users u where u.id = lock_account.user_id;',
  }),
}

export const LOCK_IN_THE_STATEMENT_THAT_READS: Mutation[] = changes({
  lock: 'from public.users u where u.id = post_change.user_id;',
  last: `and (select true from (
      select u.id from public.users u where u.id = post_change.user_id for no key update) k)
    order by h.seq desc limit 1;`,
})

export const NO_LOCK: Mutation[] = [
  ...NO_LOCK_OF_ONE.post_change,
  NO_LOCK_OF_ONE.lock_account,
  lines('lock_accounts', { lock: 'order by u.id) l;', 'skip locked': 'order by u.id) l;' }),
]

export const COVERED = 'two debits of which one is covered'
export const STEPS = 'manual entries in bounded steps'
export const BATCH = 'a batch of every operation'
export const OPPOSITE = 'users locked in opposite orders'
export const CLOCK = 'a clock that goes back'

export const find = (scenario: Case['scenario'], ...broken: Mutation[]): Case => ({
  broken,
  scenario,
})
export const stormy = (scenario: Case['scenario'], ...broken: Mutation[]): Case => ({
  broken,
  scenario,
  storm: true,
})
