/** Holds, transfers, reversals and guards, broken. */
import type { Mutation } from './broken.ts'
import {
  BATCH,
  but,
  type Case,
  CLOCK,
  find,
  fn,
  lines,
  NO_LOCK_OF_ONE,
  OPPOSITE,
  pairs,
} from './mutation.ts'

/** What an operation is about, some of it otherwise. */
const target = (otherwise: Record<string, string>): Mutation =>
  fn(
    'load_target',
    `select ${
      but('t', otherwise)
    } from original.load_target(operation, user_id, ref, amount, expires_in) t`,
  )

/** What is held, with some more. */
const held = (more: string): Mutation =>
  fn(
    'open_account',
    `select ${but('a', { held: more })} from original.open_account(account, max_pending) a`,
  )
const activeThat = (is: string, column = 'remaining') =>
  `(select coalesce(sum(o.${column}), 0.00) from public.holds o
     where o.user_id = (open_account.account).user_id and ${is})`
const HOLDS = 'what holds leave for others'
const REVERSAL = 'an entry that two take back'
const CAPTURES = 'a hold captured in parts'
const REVERSALS = 'an entry reversed in parts'
const EXTENDED = 'a hold that is extended'
const PLACED = 'two holds of which one is covered'

export const BROKEN_PARTS: Record<string, Case> = {
  'debits of what is held': find(HOLDS, fn('held_now', 'select 0.00')),
  'operations in what is held': find(HOLDS, held('0.00')),
  'expired holds that still count': find(
    HOLDS,
    held(`a.held + ${activeThat(`o.status = 'active' and o.expires_at <= clock_timestamp()`)}`),
  ),
  'expired holds that still count for a debit': find(
    HOLDS,
    fn(
      'held_now',
      `select coalesce(sum(o.remaining), 0.00) from public.holds o
        where o.user_id = held_now.user_id and o.status = 'active'`,
    ),
  ),
  'expired holds that are captured or released': find(
    HOLDS,
    fn(
      'hold_problem',
      `select original.hold_problem(status, 'infinity', at, remaining, amount, null)`,
    ),
  ),
  'closed holds that still count': find(
    HOLDS,
    held(`a.held + ${activeThat(`o.status <> 'active'`, 'amount')}`),
  ),
  'a hold closed twice': find(
    HOLDS,
    fn(
      'hold_problem',
      `select original.hold_problem(case when status is not null then 'active' end, expires_at, at,
         remaining, amount, new_expires_at)`,
    ),
  ),
  'a capture of more than is held': find(
    HOLDS,
    fn(
      'hold_problem',
      `select original.hold_problem(status, expires_at, at, remaining, least(amount, remaining),
         new_expires_at)`,
    ),
  ),
  'a hold that never was': find(
    BATCH,
    fn(
      'hold_problem',
      `select nullif(original.hold_problem(status, expires_at, at, remaining, amount,
         new_expires_at), 'LGHLU')`,
    ),
  ),
  'a hold that a batch doesn’t reserve': find(
    BATCH,
    lines('account_after', { reserve: '(account).held,' }),
  ),
  'a transfer that locks nobody': find(
    'two transfers of which one is covered',
    NO_LOCK_OF_ONE.lock_account,
    ...pairs({ lock: ';' }),
  ),
  'users of a transfer locked in the order of its arguments': find(
    OPPOSITE,
    ...pairs({ first: 'where u.id = post_pair.user_id' }),
  ),
  'users of a short transfer locked in the order of its arguments': find(
    OPPOSITE,
    lines('transfer', {
      order: `from unnest(array[transfer.from_user_id, transfer.to_user_id]) i (id)
               where u.id = i.id`,
    }),
  ),
  'a moment before the last entry of whom a short transfer goes to': find(
    CLOCK,
    lines('transfer', { moment: 'ledger.next_moment(f.sealed_at) as at' }),
  ),
  'a transfer of a batch that gives nothing': find(BATCH, lines('post_each', { peer: 'exit;' })),
  'an entry reversed twice': find(
    REVERSAL,
    target({ problem: `nullif(t.problem, 'LGREV')` }),
  ),
  'half of a transfer reversed': find(
    BATCH,
    target({ peer_user_id: 'null' }),
  ),
  'a capture of a part that releases the rest': find(
    CAPTURES,
    target({ remaining: `case operation when 'CAPTURE PART' then 0 else t.remaining end` }),
  ),
  'a capture of a part that frees the rest': find(
    CAPTURES,
    target({
      held: `case operation when 'CAPTURE PART' then t.held + t.remaining else t.held end`,
    }),
  ),
  'a last capture that keeps the rest': find(
    CAPTURES,
    fn(
      'load_target',
      `select original.load_target(case operation when 'CAPTURE' then 'CAPTURE PART'
         else operation end, user_id, ref, amount, expires_in)`,
    ),
  ),
  'a key for any part of a hold': find(CAPTURES, fn('is_same_part', 'select true')),
  'a key for any part of an entry': find(REVERSALS, fn('is_same_part', 'select true')),
  'a part that is repeated with its key never': find(
    REVERSALS,
    fn('is_same_part', 'select false'),
  ),
  'reversals of more than the entry': find(
    REVERSALS,
    fn(
      'entry_problem',
      'select original.entry_problem(seq, greatest(remaining, amount), amount)',
    ),
  ),
  'a reversal of the rest that takes back all': find(
    REVERSALS,
    target({
      amount: `case operation when 'REVERSE' then coalesce(load_target.amount, (
        select h.amount from public.payment_history h
         where h.user_id = load_target.user_id and h.seq = ref)) else t.amount end`,
    }),
  ),
  'a hold without a lock': find(
    PLACED,
    lines('add_hold', { lock: 'from public.users u where u.id = add_hold.user_id;' }),
  ),
  'a hold that asks for no funds': find(
    PLACED,
    lines('add_hold', { funds: 'is not null and false then return null; end if;' }),
  ),
  'a capture without a lock': find(
    CAPTURES,
    lines('close_hold', { lock: 'from public.users u where u.id = close_hold.user_id;' }),
  ),
  'a capture that asks for no funds': find(CAPTURES, lines('close_hold', { funds: 'null;' })),
  'a reversal without a lock': find(
    REVERSALS,
    lines('add_reversal', { lock: 'from public.users u where u.id = add_reversal.user_id;' }),
  ),
  'a reversal that asks for no funds': find(REVERSALS, lines('add_reversal', { funds: 'null;' })),
  'an extension that changes nothing': find(EXTENDED, lines('later_change', { extend: '' })),
  'an extension to an earlier time': find(
    EXTENDED,
    fn(
      'hold_problem',
      `select nullif(original.hold_problem(status, expires_at, at, remaining, amount,
         new_expires_at), 'LGEXP')`,
    ),
  ),
  'an extension of what has expired': find(
    EXTENDED,
    fn(
      'hold_problem',
      `select original.hold_problem(status, expires_at, least(at, expires_at - interval '1 s'),
         remaining, amount, new_expires_at)`,
    ),
  ),
  'a reversal in the same direction': find(REVERSAL, fn('opposite_of', 'select action')),
  'a batch that doesn’t see what it has posted': find(
    BATCH,
    lines('post_each', { flush: 'and false then' }),
  ),
  'a guard that lets posted entries change': find('changing history', {
    guardOnlyWhen: 'old.seq is null',
  }),
  'a guard that lets pending entries change': find('posting without a seq', {
    guardOnlyWhen: 'old.seq is not null',
  }),
  'a guard that isn’t asked': find('changing history', { guardOnlyWhen: 'false' }),
}
