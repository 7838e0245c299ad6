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

const SEEDS = [1, 2, 3, 4]

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

const COVERED = 'two debits of which one is covered'
const LATE = 'a hand-made row that commits late'
const STEPS = 'hand-made rows in bounded steps'

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
    edits: [['post_entries', 'when u.id <> all (v_locked)', 'when false']],
    play: 'a batch with a user whom somebody holds',
    storm: true,
  },
  'hand-made rows by checkpoint': {
    edits: [[
      'seal_pending',
      'and h.seq is null\n             order by',
      `and h.seq is null and h.id > coalesce((select max(s.id) from payment_history s
         where s.user_id = seal_pending.user_id and s.seq is not null), 0)
       order by`,
    ]],
    play: LATE,
    storm: true,
  },
  'the last entry by id': {
    edits: [['decide_entries', 'order by h.seq desc', 'order by h.id desc']],
    play: LATE,
    storm: true,
  },
  'the copy by id': {
    edits: [['last_entry', 'order by p.seq desc', 'order by p.id desc']],
    play: LATE,
  },
  'hand-made rows by ts': {
    edits: [
      ['seal_pending', 'over (order by h.id)', 'over (order by h.ts)'],
      ['seal_pending', 'order by h.id limit', 'order by h.ts limit'],
    ],
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
  'deciding before all is counted': {
    edits: [['seal_pending', `return '55P03'`, `return 'ok'`]],
    play: STEPS,
  },
  'hand-made debits that add': {
    edits: [['seal_pending', 'else -p.amount', 'else p.amount']],
    play: 'a hand-made debit below zero',
  },
  'hand-made rows that aren’t counted': {
    edits: [['post_entries', 'h.user_id = u.id and h.seq is null', 'false']],
    play: LATE,
    storm: true,
  },
  'hand-made rows without a bound': {
    edits: [['seal_pending', '< 1000000000000000000 as kept', 'is not null as kept']],
    play: 'a balance at its bound',
  },
  'credits without a bound': {
    edits: [['decide_entries', 'v_item.amount > 999999999999999999.99', 'v_item.amount is null']],
    play: 'a balance at its bound',
  },
  'items without a key replay one another': {
    edits: [[
      'decide_entries',
      'v_item.key = any (v_keys)',
      'array_position(v_keys, v_item.key) is not null',
    ]],
    play: 'keys',
  },
  'a key twice in a batch': {
    edits: [['decide_entries', 'v_item.key = any (v_keys)', 'false']],
    play: 'keys',
  },
  'keys shared by users': {
    edits: [[
      'decide_entries',
      'where h.user_id = i.user_id\n        and h.idempotency_key',
      'where h.idempotency_key',
    ]],
    play: 'keys',
  },
  'keys shared by the users of a batch': {
    edits: [
      ['decide_entries', `v_new := '{}'`, `v_new := coalesce(v_new, '{}')`],
      ['decide_entries', `v_keys := '{}'`, `v_keys := coalesce(v_keys, '{}')`],
    ],
    play: 'keys',
  },
  'keys that are never found': {
    edits: [['decide_entries', 'v_found := v_item.found;', 'v_found := null;']],
    play: 'keys',
    storm: true,
  },
  'a key for any amount': {
    edits: [[
      'decide_entries',
      'is distinct from (v_item.action, v_item.amount)',
      'is distinct from (v_found.action, v_found.amount)',
    ]],
    play: 'keys',
  },
  'any key': {
    edits: [['decide_entries', 'not is_valid_note(v_item.key, v_item.metadata)', 'false']],
    play: 'keys',
  },
  'a replay that needs funds': {
    edits: [[
      'decide_entries',
      `when replayed or v_item.action is null then 'ok'`,
      `when v_item.action is null then 'ok'`,
    ]],
    play: 'a repeat when nothing is left',
  },
  'entries that go back in time': {
    edits: [[
      'decide_entries',
      'greatest(clock_timestamp(), v_last.sealed_at)',
      'clock_timestamp()',
    ]],
    play: 'a clock that goes back',
  },
  'hand-made rows sealed in the past': {
    edits: [['seal_pending', 'greatest(clock_timestamp(), v_last.sealed_at)', 'clock_timestamp()']],
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
    edits: [[
      'is_valid_entry',
      'amount = round(amount, 2), false)',
      'amount = round(amount, 2), true)',
    ]],
    play: 'amounts',
  },
  'one cent too much': {
    edits: [['decide_entries', '> v_last.balance then', '> v_last.balance + 0.01 then']],
    play: 'amounts',
  },
  'never the last cent': {
    edits: [['decide_entries', '> v_last.balance then', '>= v_last.balance then']],
    play: 'amounts',
    storm: true,
  },
  'every item from the same balance': {
    edits: [['decide_entries', 'v_last := entry;', 'null;']],
    play: 'a batch that works on one user',
  },
  'the last item first': {
    edits: [['decide_entries', 'order by i.user_id, i.n', 'order by i.user_id, i.n desc']],
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
      '(u.balance, u.seq) is distinct from (l.balance, l.seq)',
      'false',
    ]],
    play: 'a copy that was edited',
    storm: true,
  },
  'deciding by the copy': {
    edits: [[
      'decide_entries',
      'coalesce(v_last.balance, 0) end',
      '(select u.balance from users u where u.id = v_user_id) end',
    ]],
    play: 'a copy that was edited',
  },
  'reading the copy': {
    edits: [['get_users', 'l.balance, l.balance, l.seq', 'u.balance, u.balance, u.seq']],
    play: 'a copy that was edited',
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
