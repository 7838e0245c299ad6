/** Rules, each broken in one place; and by which interleaving, or storm, that has to be found. */
import type { Mutation } from './broken.ts'
import type { SCENARIOS } from './interleavings.ts'

export interface Case {
  broken: Mutation[]
  scenario: keyof typeof SCENARIOS
  /** Whether the storm finds it, too, with one of a few seeds. */
  storm?: boolean
}

/** A record with other values in some of its fields. */
const but = (record: string, fields: Record<string, string>) =>
  `jsonb_populate_record(${record}, jsonb_build_object(${
    Object.entries(fields).map(([name, value]) => `'${name}', ${value}`).join(', ')
  }))`

const fn = (fn: string, by: string): Mutation => ({ fn, by })
const lines = (file: string, lines: Record<string, string>): Mutation => ({ file, lines })

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

/** A debit or credit without the shorter way. */
const changes = (broken: Record<string, string>): Mutation[] => [
  fn(
    'add_entry',
    'select ledger.post_change(action, user_id, amount, null, idempotency_key, metadata)',
  ),
  lines('post_change', broken),
]

/** A transfer without the shorter way. */
const pairs = (broken: Record<string, string>): Mutation[] => [
  lines('transfer', { short: 'if false' }),
  lines('post_pair', broken),
]

const NO_LOCK_OF_ONE = {
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
const LATE = 'a manual entry that commits late'
const STEPS = 'manual entries in bounded steps'
const HOLDS = 'what holds leave for others'
const REVERSAL = 'an entry that two take back'
const BATCH = 'a batch of every operation'
const CAPTURES = 'a hold captured in parts'
const REVERSALS = 'an entry reversed in parts'
const EXTENDED = 'a hold that is extended'
const PLACED = 'two holds of which one is covered'
const OPPOSITE = 'users locked in opposite orders'
const MOMENT = 'a moment that is not final yet'
const CLOCK = 'a clock that goes back'
const COPY = 'a copy that was edited'
const ONE_USER = 'a batch that works on one user'

const find = (scenario: Case['scenario'], ...broken: Mutation[]): Case => ({ broken, scenario })
const stormy = (scenario: Case['scenario'], ...broken: Mutation[]): Case => ({
  broken,
  scenario,
  storm: true,
})

export const MUTATIONS: Record<string, Case> = {
  'lock and read in one statement': stormy(COVERED, ...LOCK_IN_THE_STATEMENT_THAT_READS),
  'no lock': stormy(COVERED, ...NO_LOCK),
  'for update': find(
    'a debit while manual entries are open',
    ...changes({ lock: 'from public.users u where u.id = post_change.user_id for update;' }),
  ),
  'for update in a batch': find(
    'a batch while manual entries are open',
    lines('lock_accounts', { 'skip locked': 'order by u.id for update skip locked) l;' }),
  ),
  'lock from the highest id down': find(
    OPPOSITE,
    lines('lock_accounts', { lock: 'order by u.id desc for no key update) l;' }),
  ),
  'a batch that waits': find(
    'a batch with a user whom somebody holds',
    lines('lock_accounts', { 'skip locked': 'order by u.id for no key update) l;' }),
  ),
  'a batch that takes whom it couldn’t lock': stormy(
    'a batch with a user whom somebody holds',
    lines('lock_accounts', { 'skip locked': 'order by u.id) l;' }),
  ),
  'manual entries by checkpoint': stormy(
    LATE,
    lines('post_pending', {
      pending: `where h.user_id = post_pending.user_id and h.seq is null
        and h.id > coalesce((select max(s.id) from public.payment_history s
          where s.user_id = post_pending.user_id and s.seq is not null), 0)`,
    }),
  ),
  'the last entry by id': stormy(
    LATE,
    ...changes({ last: 'order by h.id desc limit 1;' }),
  ),
  'the last entry by id in a batch': find(
    'a batch while manual entries are open',
    lines('lock_accounts', {
      last: 'where p.user_id = i.user_id order by p.id desc limit 1) h on true;',
    }),
  ),
  'manual entries by ts': find(
    STEPS,
    lines('post_pending', { order: 'order by h.ts limit post_pending.max_rows' }),
  ),
  'the newest manual entries first': find(
    STEPS,
    lines('post_pending', { order: 'order by h.id desc limit post_pending.max_rows' }),
  ),
  'no bound of a step': find(
    STEPS,
    fn('post_pending', 'select original.post_pending(user_id, null)'),
  ),
  'refusing for what commits meanwhile': find(
    'a manual entry that commits while others are posted',
    fn(
      'post_pending',
      `declare v text := original.post_pending(user_id, max_rows);
       begin
         if exists (select from public.payment_history h
             where h.user_id = post_pending.user_id and h.seq is null) then return '55P03'; end if;
         return v;
       end`,
    ),
  ),
  'deciding before all is posted': find(
    STEPS,
    fn(
      'post_pending',
      `select coalesce(nullif(original.post_pending(user_id, max_rows), '55P03'), 'ok')`,
    ),
  ),
  'manual debits that add': find(
    'a manual debit below zero',
    fn('change_of', 'select amount'),
  ),
  'manual entries that aren’t posted': stormy(
    LATE,
    ...changes({ last: 'and h.seq is not null order by h.seq desc limit 1;' }),
  ),
  'manual entries that a debit passes by': find(
    'a manual debit below zero',
    lines('add_entry', { last: 'and h.seq is not null order by h.seq desc limit 1) l' }),
  ),
  'manual entries that aren’t posted by a batch': find(
    STEPS,
    lines('lock_accounts', {
      last: `where p.user_id = i.user_id and p.seq is not null
        order by p.seq desc limit 1) h on true;`,
    }),
  ),
  'manual entries without a bound': find(
    'a balance at its bound',
    lines('post_pending', { bound: '' }),
  ),
  'credits without a bound': find(
    'a balance at its bound',
    fn(
      'funds_problem',
      `select nullif(original.funds_problem(change, balance, held, is_frozen), 'LGRNG')`,
    ),
  ),
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
    lines('decide', { funds: 'if true then' }),
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
    lines('add_entry', { funds: `is distinct from 'no'` }),
  ),
  'a debit with a key that asks for no funds': find(
    'keys',
    lines('add_entry', { 'key funds': `is distinct from 'no'` }),
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
    lines('post', { order: 'for i in reverse cardinality(post.operations) .. 1 loop' }),
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
  'a copy that is taken for right': find(COPY, lines('add_entry', { copied: 'where true' })),
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
  'a hold that a batch doesn’t reserve': find(BATCH, lines('post', { reserve: '' })),
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
  'a transfer of a batch that gives nothing': find(BATCH, lines('post', { peer: '' })),
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
    lines('post', { flush: 'if false then' }),
  ),
  'a guard that lets posted entries change': find('changing history', {
    guardOnlyWhen: 'old.seq is null',
  }),
  'a guard that lets pending entries change': find('posting without a seq', {
    guardOnlyWhen: 'old.seq is not null',
  }),
  'a guard that isn’t asked': find('changing history', { guardOnlyWhen: 'false' }),
}
