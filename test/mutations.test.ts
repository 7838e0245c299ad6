/**
 * Tests of the tests: each of these breaks one rule, and has to be found by the interleaving that is
 * named with it and, where it says so, by the storm.
 */
import { expect, test } from 'vitest'
import { readFunction } from '../db/function_blocks.ts'
import { type INTERLEAVINGS, play } from './interleavings.ts'
import { useLedger } from './ledger.ts'
import { runStorm } from './storm.ts'

interface Mutation {
  /** File, text that occurs in it once, text in its place. */
  edits: [file: string, from: string, to: string][]
  /** Which interleaving finds it. */
  play: keyof typeof INTERLEAVINGS
  /** Whether the storm finds it, too, with one of a few seeds. */
  storm?: boolean
}

/** Most are found with the first; what the order of commits hides from one, another shows. */
const SEEDS = Array.from({ length: 20 }, (_, n) => n + 1)

const LOCK_IN_THE_STATEMENT_THAT_READS: Mutation['edits'] = [
  ['post_entries', ':= lock_users(post_entries.user_ids, post_entries.wait);', ':= user_ids;'],
  [
    'post_entries',
    'from decide_entries(post_entries.user_ids,',
    `from lock_users(post_entries.user_ids, post_entries.wait) k, lateral decide_entries(
       case when k is not null then post_entries.user_ids end,`,
  ],
  ['decide_entries', 'language plpgsql volatile', 'language plpgsql stable'],
]

const NO_LOCK: Mutation['edits'] = [
  ['lock_users', 'order by u.id for no key update\n', 'order by u.id\n'],
  ['lock_users', 'order by u.id for no key update skip locked', 'order by u.id'],
]

const AFTER_CHECKPOINT = `and h.seq is null and h.id > coalesce((select max(s.id)
  from payment_history s where s.user_id = seal_pending.user_id and s.seq is not null), 0)`

const COVERED = 'two debits of which one is covered'
const LATE = 'a hand-made row that commits late'
const MEANWHILE = 'a hand-made row that commits while others are sealed'
const STEPS = 'hand-made rows in bounded steps'
const HOLDS = 'what holds leave for others'
const TRANSFER = 'a transfer to a user whom somebody holds'
const REVERSAL = 'an entry that two take back'

const MUTATIONS: Record<string, Mutation> = {
  'lock and read in one statement': {
    edits: LOCK_IN_THE_STATEMENT_THAT_READS,
    play: COVERED,
    storm: true,
  },
  'no lock': { edits: NO_LOCK, play: COVERED, storm: true },
  'for update': {
    edits: [
      ['lock_users', 'for no key update\n', 'for update\n'],
      ['lock_users', 'for no key update skip', 'for update skip'],
    ],
    play: 'a debit while hand-made rows are open',
  },
  'lock from the highest id down': {
    edits: [['lock_users', 'u.id for no key update\n', 'u.id desc for no key update\n']],
    play: 'users locked in opposite orders',
  },
  'a batch that waits': {
    edits: [['lock_users', ' skip locked', '']],
    play: 'a batch with a user whom somebody holds',
  },
  'a batch that takes whom it couldn’t lock': {
    edits: [['seal_users', 'when u.id <> all (seal_users.locked_ids)', 'when false']],
    play: 'a batch with a user whom somebody holds',
    storm: true,
  },
  'hand-made rows by checkpoint': {
    edits: [
      ['seal_pending', 'and h.seq is null\n     order by', `${AFTER_CHECKPOINT} order by`],
      ['seal_pending', 'and h.seq is null) then', `${AFTER_CHECKPOINT}) then`],
    ],
    play: LATE,
    storm: true,
  },
  'the last entry by id': {
    edits: [['user_states', 'order by p.seq desc', 'order by p.id desc']],
    play: LATE,
    storm: true,
  },
  'the copy by id': {
    edits: [[
      'post_entries',
      'from (select distinct on (d.user_id) d.* from decided d order by d.user_id, d.n desc) d',
      `from (select distinct on (p.user_id) p.user_id, p.seq as user_seq,
                    p.balance as user_balance, p.sealed_at as updated_at
               from payment_history p where p.user_id = any (v_locked) and p.seq is not null
              order by p.user_id, p.id desc) d`,
    ]],
    play: LATE,
  },
  'hand-made rows by ts': {
    edits: [['seal_pending', 'order by h.id limit', 'order by h.ts limit']],
    play: STEPS,
  },
  'the newest hand-made rows first': {
    edits: [['seal_pending', 'order by h.id limit', 'order by h.id desc limit']],
    play: STEPS,
  },
  'no bound of a step': {
    edits: [['seal_pending', ' limit seal_pending.max_rows', '']],
    play: STEPS,
  },
  'refusing for what commits meanwhile': {
    edits: [['seal_pending', 'cardinality(v_sealed) = seal_pending.max_rows\n      and ', '']],
    play: MEANWHILE,
  },
  'deciding before all is counted': {
    edits: [['seal_pending', `then '55P03'`, `then 'ok'`]],
    play: STEPS,
  },
  'hand-made debits that add': {
    edits: [['seal_pending', 'else -v_row.amount', 'else v_row.amount']],
    play: 'a hand-made debit below zero',
  },
  'hand-made rows that aren’t counted': {
    edits: [['seal_users', 'h.user_id = u.id and h.seq is null', 'false']],
    play: LATE,
    storm: true,
  },
  'hand-made rows without a bound': {
    edits: [['seal_pending', '> 999999999999999999.99 then', 'is null then']],
    play: 'a balance at its bound',
  },
  'credits without a bound': {
    edits: [['decide_entries', 'amount > 999999999999999999.99', 'amount is null']],
    play: 'a balance at its bound',
  },
  'items without a key replay one another': {
    edits: [
      ['entry_items', 'i.key is not null and ', ''],
      ['decide_entries', 'key = any (v_keys)', 'array_position(v_keys, key) is not null'],
    ],
    play: 'keys',
  },
  'a key twice in a batch': {
    edits: [['decide_entries', 'key = any (v_keys)', 'false']],
    play: 'keys',
  },
  'keys shared by users': {
    edits: [[
      'find_key',
      'where h.user_id = find_key.user_id\n            and h.idempotency_key',
      'where h.idempotency_key',
    ]],
    play: 'keys',
  },
  'keys shared by the users of a batch': {
    edits: [
      ['entry_items', 'partition by i.user_id, i.key', 'partition by i.key'],
      ['decide_entries', `v_new := '{}'`, `v_new := coalesce(v_new, '{}')`],
      ['decide_entries', `v_keys := '{}'`, `v_keys := coalesce(v_keys, '{}')`],
    ],
    play: 'keys',
  },
  'keys that are never found': {
    edits: [['decide_entries', 'v_found := i.found;', 'v_found := null;']],
    play: 'keys',
    storm: true,
  },
  'a key for any amount': {
    edits: [[
      'decide_entries',
      '(action, amount, null::bigint',
      '(v_found.action, v_found.amount, null::bigint',
    ]],
    play: 'keys',
  },
  'any key': {
    edits: [['entry_items', 'not is_valid_note(i.key, i.metadata)', 'false']],
    play: 'keys',
  },
  'a replay that needs funds': {
    edits: [[
      'decide_entries',
      `when replayed or action is null then 'ok'`,
      `when action is null then 'ok'`,
    ]],
    play: 'a repeat when nothing is left',
  },
  'entries that go back in time': {
    edits: [[
      'decide_entries',
      'greatest(clock_timestamp(), v_last_at)',
      'clock_timestamp()',
    ]],
    play: 'a clock that goes back',
  },
  'hand-made rows sealed in the past': {
    edits: [['seal_pending', 'greatest(v_at, s.sealed_at)', 'v_at']],
    play: 'a clock that goes back',
  },
  'amounts of any scale': {
    edits: [['is_valid_entry', ' and amount = round(amount, 2)', '']],
    play: 'amounts',
  },
  'amounts up to NaN': {
    edits: [['is_valid_entry', ' and amount <= 9999999999.99', '']],
    play: 'amounts',
  },
  'amounts of zero': {
    edits: [['is_valid_entry', 'amount > 0', 'amount >= 0']],
    play: 'amounts',
  },
  'amounts below zero': {
    edits: [['is_valid_entry', 'amount > 0 and', '']],
    play: 'amounts',
  },
  'no amount': {
    edits: [
      ['is_valid_entry', 'amount = round(amount, 2), false)', 'amount = round(amount, 2), true)'],
      ['entry_items', 'i.action is not null and i.amount is null', 'false'],
    ],
    play: 'amounts',
  },
  'one cent too much': {
    edits: [[
      'decide_entries',
      '> user_balance - held',
      '> user_balance - held + 0.01',
    ]],
    play: 'amounts',
  },
  'never the last cent': {
    edits: [[
      'decide_entries',
      '> user_balance - held',
      '>= user_balance - held',
    ]],
    play: 'amounts',
    storm: true,
  },
  'every item from the same balance': {
    edits: [['decide_entries', 'user_balance := user_balance + i.change;', '']],
    play: 'a batch that works on one user',
  },
  'the last item first': {
    edits: [
      ['entry_items', 'i.user_id order by i.n)', 'i.user_id order by i.n desc)'],
      ['entry_items', 'order by i.user_id, i.n\n', 'order by i.user_id, i.n desc\n'],
    ],
    play: 'a batch that works on one user',
  },
  'answers in another order': {
    edits: [[
      'post_entries',
      'from decided d order by d.n',
      'from decided d order by d.user_id, d.n',
    ]],
    play: 'a batch that works on one user',
  },
  'a copy that is never set': {
    edits: [[
      'post_entries',
      '(u.balance, u.seq) is distinct from (d.user_balance, d.user_seq)',
      'false',
    ]],
    play: 'a copy that was edited',
    storm: true,
  },
  'deciding by the copy': {
    edits: [[
      'decide_entries',
      'user_balance := i.balance;',
      'user_balance := (select u.balance from users u where u.id = i.user_id);',
    ]],
    play: 'a copy that was edited',
  },
  'reading the copy': {
    edits: [
      ['get_users', 's.balance, s.balance - s.held, s.seq,', 'u.balance, u.balance, u.seq,'],
      ['get_users', 'statement_timestamp()) s', 'statement_timestamp()) s join users u using (id)'],
    ],
    play: 'a copy that was edited',
  },
  'a hash that isn’t chained to the entry before': {
    edits: [['decide_entries', 'entry_hash(v_last_hash,', 'entry_hash(null,']],
    play: COVERED,
    storm: true,
  },
  'a hand-made row that isn’t chained': {
    edits: [['seal_pending', 'entry_hash(v_last.hash,', 'entry_hash(null,']],
    play: STEPS,
    storm: true,
  },
  'a transfer that isn’t chained': {
    edits: [['append_entry', 'entry_hash(v_state.hash,', 'entry_hash(null,']],
    play: TRANSFER,
  },
  'debits of what is held': {
    edits: [['decide_entries', '> user_balance - held then', '> user_balance then']],
    play: HOLDS,
  },
  'transfers of what is held': {
    edits: [['append_entry', '> v_state.balance - v_state.held then', '> v_state.balance then']],
    play: HOLDS,
  },
  'holds of what is held': {
    edits: [['place_hold', '> v_state.balance - v_state.held then', '> v_state.balance then']],
    play: HOLDS,
  },
  'expired holds that still count': {
    edits: [['user_states', 'and a.expires_at > user_states.at', '']],
    play: HOLDS,
  },
  'expired holds that are captured': {
    edits: [['capture_hold', ' or v_hold.expires_at <= clock_timestamp()', '']],
    play: HOLDS,
  },
  'expired holds that are released': {
    edits: [['release_hold', ' or v_hold.expires_at <= clock_timestamp()', '']],
    play: HOLDS,
  },
  'closed holds that still count': {
    edits: [['user_states', ` and a.status = 'active'`, '']],
    play: HOLDS,
  },
  'a hold captured twice': {
    edits: [['capture_hold', ` or v_hold.status <> 'active'`, '']],
    play: HOLDS,
  },
  'a hold released twice': {
    edits: [['release_hold', ` or v_hold.status <> 'active'`, '']],
    play: HOLDS,
  },
  'a capture of more than is held': {
    edits: [['capture_hold', 'capture_hold.amount > v_hold.amount', 'false']],
    play: HOLDS,
  },
  'a transfer that locks one user': {
    edits: [[
      'transfer',
      'open_users(array[transfer.from_user_id, transfer.to_user_id]',
      'open_users(array[transfer.from_user_id]',
    ]],
    play: TRANSFER,
  },
  'users of a transfer locked in the order of its arguments': {
    edits: [[
      'open_users',
      'lock_users(open_users.user_ids, true)',
      'array(select (lock_users(array[k], true))[1] from unnest(open_users.user_ids) k)',
    ]],
    play: 'users locked in opposite orders',
  },
  'an entry reversed twice': {
    edits: [['reverse_entry', 'h.reverses = reverse_entry.seq', 'false']],
    play: REVERSAL,
  },
  'half of a transfer reversed': {
    edits: [['reverse_entry', 'if v_peer.seq is not null then', 'if false then']],
    play: REVERSAL,
  },
  'a reversal in the same direction': {
    edits: [[
      'reversal',
      `when 'CREDIT' then 'DEBIT' else 'CREDIT'`,
      `when 'CREDIT' then 'CREDIT' else 'DEBIT'`,
    ]],
    play: REVERSAL,
  },
  'a guard that lets sealed rows change': {
    edits: [[
      'guard_history',
      'v_unsealed is not distinct from old then',
      'v_unsealed.id = old.id then',
    ]],
    play: 'changing history',
  },
  'a guard that lets pending rows change': {
    edits: [['guard_history', 'new.seq is not null and v_unsealed is not', 'v_unsealed is not']],
    play: 'sealing without a seq',
  },
  'a guard that isn’t asked': {
    edits: [['guard_history', '  raise exception', '  return old; raise exception']],
    play: 'changing history',
  },
}

const ledger = useLedger()

/** Runs `work` while the functions are broken. What it leaves behind, its own users keep. */
async function whileBroken<T>(edits: Mutation['edits'], work: () => Promise<T>): Promise<T> {
  const texts = new Map<string, string>()
  for (const [file, from, to] of edits) {
    const text = texts.get(file) ?? readFunction('db', file)
    expect(text.split(from), `${file}: ${from}`).toHaveLength(2)
    texts.set(file, text.replace(from, () => to))
  }
  for (const text of texts.values()) await ledger.sql.unsafe(text)
  try {
    return await work()
  } finally {
    for (const file of texts.keys()) await ledger.sql.unsafe(readFunction('db', file))
  }
}

/** The storm's violations with the first seed that brings any. */
async function stormUntilFound(): Promise<string[]> {
  for (const seed of SEEDS) {
    const { violations } = await runStorm({ url: ledger.url, seed, debits: 100 })
    if (violations.length > 0) return violations
  }
  return []
}

test.each(Object.entries(MUTATIONS))('%s is found', async (_name, mutation) => {
  const found = await whileBroken(mutation.edits, async () => ({
    played: await play(mutation.play, ledger.url),
    stormed: mutation.storm ? await stormUntilFound() : undefined,
  }))
  expect(found.played).not.toEqual([])
  expect(found.stormed).not.toEqual([])
})

test.each([...new Set(Object.values(MUTATIONS).map(({ play }) => play))])(
  'nothing is found by %s when nothing is broken any more',
  async (name) => {
    expect(await play(name, ledger.url)).toEqual([])
  },
)

/**
 * Two entries can't have the same seq, whatever a function does, so that a lost lock fails instead
 * of overdrawing. Without that net the sums have to tell. Last: the net isn't put back.
 */
test.each([
  ['lock and read in one statement', LOCK_IN_THE_STATEMENT_THAT_READS],
  ['no lock', NO_LOCK],
])('%s is found without the constraint on seq, too', async (_name, edits) => {
  const { sql } = ledger
  await sql`
    alter table payment_history drop constraint if exists payment_history_user_id_seq_key`
  await sql`create index if not exists plain on payment_history (user_id, seq)`
  expect(await play(COVERED, ledger.url)).toEqual([])
  const found = await whileBroken(edits, () => play(COVERED, ledger.url))
  expect(found).toContain('the second: "ok" instead of "LGFND"')
})
