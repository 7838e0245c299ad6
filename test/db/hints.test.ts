/** What people at psql are told to do about an error: each has a HINT. */
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { placeMostHolds } from '../support/holds.ts'
import { useLedger } from '../support/ledger.ts'
import { sealCredit } from '../support/sealing.ts'

const ledger = useLedger()

/** Never gets out of its function; and only a shard raises it: test/src/ledger/shards.test.ts. */
const ELSEWHERE = ['LG000', 'LGMOV']

/** Every SQLSTATE of the ledger's own that a function raises. */
const RAISED = new Set(
  readdirSync('db/functions', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sql'))
    .flatMap((
      file,
    ) => [...readFileSync(`db/functions/${file}`, 'utf8').matchAll(/errcode = '(LG\w{3})'/g)])
    .map(([, code]) => code!),
)

/**
 * What raises it, by the names of users. What PostgreSQL itself raises, such as at the end of
 * lock_timeout, has no hint of ours.
 */
const CALLS: Record<string, string> = {
  LGAMT: 'select debit_user(:user, 0.001)',
  LGCUR: `select from interventions_id_seq i, ledger.get_events(after_digest => 'another',
    settled => 1, after_position => 1, epoch => ledger.epoch(i.last_value - (not i.is_called)::int))`,
  // What each of those calls that do not work on several servers begins with.
  LGDIS: `select ledger.refuse_distributed('Erasing')`,
  LGENT: 'select reverse_entry(:user, 99)',
  LGEXP: 'select extend_hold(:user, 1, 1)',
  LGFND: 'select debit_user(:user, 5000)',
  LGFRZ: 'select debit_user(:frozen, 1)',
  LGHLD: 'select capture_hold(:user, 2)',
  LGHLU: 'select capture_hold(:user, 99)',
  LGIMM: 'update payment_history set amount = 2 where user_id = :user',
  LGKEY: `select credit_user(:user, 2, 'used')`,
  LGMAX: 'select place_hold(:holding, 1)',
  LGREV: 'select reverse_entry(:user, 2)',
  LGRNG: 'select credit_user(:rich, 1)',
  LGSAM: 'select transfer(:user, :user, 1)',
  LGUSR: 'select debit_user(999999, 1)',
  '22023': `select credit_user(:user, 1, 'a b')`,
  '23502': `insert into payment_history (user_id, action) values (:user, 'CREDIT')`,
  '23503': `insert into payment_history (user_id, action, amount) values (999999, 'CREDIT', 1)`,
  '23514': `insert into payment_history (user_id, action, amount) values (:user, 'GIVE', 1)`,
  '55P03': `select from ledger.get_events(epoch => 'another', settled => 1)`,
}

const users: Record<string, number> = {}

beforeAll(async () => {
  for (const name of ['user', 'frozen', 'holding', 'rich']) {
    users[name] = await ledger.user(10)
  }
  const { user, frozen, holding, rich } = users
  await ledger.sql`select credit_user(${user!}, 1, 'used'), reverse_entry(${user!}, 2)`
  await ledger.sql`
    select place_hold(${user!}, 1, 3600), place_hold(${user!}, 1), release_hold(${user!}, 2)`
  await ledger.sql`select freeze_user(${frozen!})`
  await placeMostHolds(ledger.sql, holding!)
  await sealCredit(ledger.sql, rich!, { balance: '999999999999999999.99' })
})

test('there is a call here for each SQLSTATE that a function raises', () => {
  const tried = Object.keys(CALLS).filter((code) => code.startsWith('LG'))
  expect([...tried, ...ELSEWHERE].sort()).toEqual([...RAISED].sort())
})

test.each(Object.entries(CALLS))('%s has a HINT, whatever raises it', async (code, call) => {
  const text = call.replace(/(?<!:):(\w+)/g, (_, name: string) => `${users[name]!}`)
  await expect(ledger.sql.unsafe(text)).rejects.toMatchObject({
    code,
    hint: expect.stringMatching(/\w/),
  })
})
