/** Locks and manual entries, broken. */
import {
  type Case,
  changes,
  COVERED,
  find,
  fn,
  lines,
  LOCK_IN_THE_STATEMENT_THAT_READS,
  NO_LOCK,
  OPPOSITE,
  STEPS,
  stormy,
} from './mutation.ts'

const LATE = 'a manual entry that commits late'

export const BROKEN_POSTING: Record<string, Case> = {
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
    lines('add_plain_entry', { last: 'and h.seq is not null order by h.seq desc limit 1) l' }),
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
}
