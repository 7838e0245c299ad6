/** Keys, moments, amounts, funds, copies and hashes, broken. */
import type { Mutation } from './broken.ts'
import {
  BATCH,
  but,
  type Case,
  changes,
  CLOCK,
  COVERED,
  find,
  fn,
  lines,
  pairs,
  STEPS,
  stormy,
} from './mutation.ts'

const HASHED =
  `user_id, seq, action, amount, ts, balance, sealed_at, idempotency_key, metadata, held,
  hold, reverses, peer_user_id, peer_seq`
/** Whoever checks hashes goes on as before. */
const UNCHAINED = [
  fn('entry_hash', `select original.entry_hash(null, ${HASHED})`),
  fn(
    'is_hash_of',
    `select original.entry_hash(previous, ${HASHED.replace(/\w+/g, '(entry).$&')}) = (entry).hash`,
  ),
]

/** All that next_entry takes, some of it otherwise. */
const nextEntry = (otherwise: Record<string, string>): Mutation => {
  const names = `previous_hash user_id seq action amount balance at idempotency_key metadata held
    hold reverses peer_user_id peer_seq`.split(/\s+/)
  const given = names.map((name) => otherwise[name] ?? name)
  return fn('next_entry', `select original.next_entry(${given.join(', ')})`)
}

/** All that is_replay takes, some of it as it was found. */
const isReplay = (...found: string[]): Mutation => {
  const names = ['action', 'amount', 'hold', 'reverses', 'peer_user_id', 'metadata']
  const given = names.map((name) => found.includes(name) ? `found_${name}` : name)
  const before = names.map((name) => `found_${name}`)
  return fn('is_replay', `select original.is_replay(${[...before, ...given].join(', ')})`)
}
const MOMENT = 'a moment that is not final yet'
const COPY = 'a copy that was edited'
const ONE_USER = 'a batch that works on one user'

export const BROKEN_ENTRIES: Record<string, Case> = {
  'a key twice in a batch': find('keys', fn('has_repeated_keys', 'select false')),
  'keys shared by users': find(
    'keys',
    fn(
      'find_key',
      `select original.find_key(coalesce((
         select min(h.user_id) from public.payment_history h
          where h.idempotency_key = find_key.idempotency_key), user_id), idempotency_key, has_holds)`,
    ),
  ),
  'keys that are never found': stormy('keys', fn('find_key', 'select null::ledger.earlier')),
  'a key for any amount': find('keys', isReplay('amount')),
  'a key for any metadata': find('keys', isReplay('metadata')),
  'a key for any peer': find(BATCH, isReplay('peer_user_id')),
  'a key for any hold': find(
    BATCH,
    fn(
      'is_hold_replay',
      `select original.is_hold_replay(earlier, operation, hold, (earlier).amount, expires_in,
         metadata)`,
    ),
  ),
  'any key': find(
    'keys',
    fn(
      'is_valid_key_and_metadata',
      `select original.is_valid_key_and_metadata(
         regexp_replace(idempotency_key, '[^!-~]', 'x', 'g'), metadata)`,
    ),
  ),
  'a replay that needs funds': find(
    'a repeat when nothing is left',
    lines('decide', { funds: 'funds => case when true then coalesce(' }),
  ),
  'entries that go back in time': find(CLOCK, fn('next_moment', 'select clock_timestamp()')),
  'entries at the same moment': find(
    CLOCK,
    fn('next_moment', 'select greatest(clock_timestamp(), last)'),
  ),
  'halves of a transfer at two moments': find(
    BATCH,
    nextEntry({ at: 'case when peer_user_id is null then at else ledger.next_moment(at) end' }),
  ),
  'a moment before the last entry of the other user': find(
    CLOCK,
    ...pairs({ moment: 'v_at := ledger.next_moment(a.posted_at);' }),
  ),
  'a moment that is not awaited': find(
    MOMENT,
    fn(
      'await_final',
      `begin
         if at > clock_timestamp() then perform original.await_final(user_id, at); end if;
       end`,
    ),
  ),
  'a moment of a user whose row was locked': find(
    MOMENT,
    lines('await_final', { unlocked: ') then' }),
  ),
  'amounts of any scale': find(
    'amounts',
    fn('is_valid_amount', 'select original.is_valid_amount(round(amount, 2))'),
  ),
  'amounts up to NaN': find(
    'amounts',
    fn(
      'is_valid_amount',
      `select original.is_valid_amount(case when amount > 9999999999.99 then 1 else amount end)`,
    ),
  ),
  'amounts of zero': find(
    'amounts',
    fn(
      'is_valid_amount',
      'select amount is not null and amount = 0 or original.is_valid_amount(amount)',
    ),
  ),
  'amounts below zero': find(
    'amounts',
    fn('is_valid_amount', 'select original.is_valid_amount(abs(amount))'),
  ),
  'no amount': find(
    'amounts',
    fn('is_valid_amount', 'select amount is null or original.is_valid_amount(amount)'),
  ),
  'a debit that asks for no funds': stormy(
    COVERED,
    lines('add_plain_entry', { funds: `is distinct from 'no'` }),
  ),
  'a debit with a key that asks for no funds': find(
    'keys',
    lines('add_entry', { funds: `is distinct from 'no'` }),
  ),
  'a transfer that asks for no funds': find(
    'two transfers of which one is covered',
    lines('transfer', { funds: `is distinct from 'no'` }),
  ),
  'one cent too much': find(
    'amounts',
    fn('funds_problem', 'select original.funds_problem(change, balance + 0.01, held, is_frozen)'),
  ),
  'never the last cent': stormy(
    'amounts',
    fn('funds_problem', 'select original.funds_problem(change, balance - 0.01, held, is_frozen)'),
  ),
  'every operation from the same balance': find(
    ONE_USER,
    nextEntry({
      balance: `(select u.balance from public.users u where u.id = next_entry.user_id)
        + ledger.change_of(action, amount)`,
    }),
  ),
  'the last operation first': find(
    ONE_USER,
    lines('post_each', { order: 'for i in reverse cardinality(operations) .. 1 loop' }),
  ),
  'a copy that is never set': stormy(COPY, ...changes({ copy: 'set' })),
  'a copy that no batch sets': find(BATCH, fn('copy_accounts', 'select')),
  'deciding by the copy': find(
    COPY,
    ...changes({
      last: `order by h.seq desc limit 1;
        v_balance := (select u.balance from public.users u where u.id = post_change.user_id);`,
    }),
  ),
  'a copy that is taken for right': find(COPY, lines('add_plain_entry', { copied: 'where true' })),
  'reading the copy': find(
    COPY,
    fn(
      'get_users',
      `select r.* from original.get_users(user_ids) s
         join public.users u on u.id = s.id,
         ${but('s', { balance: 'u.balance', available: 'u.balance', seq: 'u.seq' })} r`,
    ),
  ),
  'a hash that isn’t chained to the entry before': stormy(COVERED, ...UNCHAINED),
  'a hash of a batch that isn’t chained': find(ONE_USER, nextEntry({ previous_hash: 'null' })),
  'a manual entry that isn’t chained': stormy(STEPS, ...UNCHAINED),
  'a transfer that isn’t chained': find('a transfer to a user whom somebody holds', ...UNCHAINED),
}
