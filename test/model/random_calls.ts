/** Random calls through every channel, several of them at once. */
import fc from 'fast-check'
import { type Call, type Called } from './call.ts'
import { type Action, type Command } from './command.ts'
import { isOnCitus } from '../support/on_citus.ts'

export const USERS = 3
export const AT_ONCE = 3

const user = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0) },
  { weight: 10, arbitrary: fc.integer({ min: 1, max: USERS - 1 }) },
  { weight: 1, arbitrary: fc.constant(USERS) },
)
const known = fc.nat(USERS - 1)
const good = fc.constantFrom(1n, 100n, 150n, 200n, 300n, 500n, 999_999_999_999n)
const amount = fc.oneof(
  { weight: 30, arbitrary: good },
  { weight: 1, arbitrary: fc.constantFrom(0n, -100n, 1_000_000_000_000n) },
)
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
)
const hold = fc.constantFrom(1, 1, 1, 2, 2, 3, 99)
const seq = fc.constantFrom(1, 2, 2, 3, 3, 4, 5, 99)
const of = <K extends Command['kind']>(...kinds: K[]) => fc.constantFrom(...kinds)
const action = fc.constantFrom<Action>('CREDIT', 'DEBIT')
const insert = fc.record({ kind: of('insert'), user: known, action, amount: good })
const called: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: of('debit'), user, amount, key }),
  fc.record({ kind: of('credit'), user, amount: good, key }),
  fc.record({ kind: of('recalculate', 'read'), user: known }),
  fc.record({ kind: of('transfer'), user, to: user, amount, key }),
  fc.record({ kind: of('hold'), user, amount, seconds: fc.constantFrom(null, 3600), key }),
  fc.record({
    kind: of('capture'),
    user,
    hold,
    amount: fc.option(amount),
    final: fc.boolean(),
    key,
  }),
  fc.record({ kind: of('extend'), user, hold, seconds: fc.constantFrom(null, 60, 7200), key }),
  fc.record({ kind: of('release'), user, hold, key }),
  fc.record({ kind: of('reverse'), user, seq, amount: fc.option(amount), key }),
)
const controlled: fc.Arbitrary<Command> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: of('freeze'), user }) },
  { weight: 2, arbitrary: fc.record({ kind: of('thaw'), user }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: of('limit'), user, amount: fc.oneof(amount, fc.constant(0n)) }),
  },
)
const isCalled = (command: Command): command is Called =>
  !['insert', 'read', 'age', 'freeze', 'thaw', 'limit'].includes(command.kind)
const debits = (amount: fc.Arbitrary<bigint>) =>
  fc.array(fc.record({ kind: of('debit'), user, amount, key }), { minLength: 1, maxLength: 4 })
const single = (channel: 'sql' | 'http', command: fc.Arbitrary<Command>) =>
  command.map((one): Call => ({ channel, commands: [one] }))
const transaction = fc.record({
  channel: fc.constant('transaction' as const),
  commands: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: called },
      { weight: 1, arbitrary: insert },
      { weight: 1, arbitrary: controlled },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  undone: fc.nat(4).map((n) => n === 4),
})
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 5, arbitrary: single('http', called) },
  { weight: 3, arbitrary: single('sql', called) },
  { weight: 2, arbitrary: single('sql', insert) },
  { weight: 1, arbitrary: single('sql', controlled) },
  { weight: 1, arbitrary: single('http', controlled) },
  { weight: 3, arbitrary: transaction },
  {
    weight: 1,
    arbitrary: debits(amount).map((commands): Call => ({ channel: 'batch', commands })),
  },
  {
    weight: 1,
    arbitrary: debits(good).map((commands): Call => ({ channel: 'http batch', commands })),
  },
  {
    weight: 4,
    arbitrary: fc.array(called.filter(isCalled), { minLength: 1, maxLength: 5 })
      .map((commands): Call => ({ channel: 'post', commands })),
  },
)
const hasInsert = ({ commands }: Call) => commands.some(({ kind }) => kind === 'insert')
const isUndone = (one: Call) => one.channel === 'transaction' && one.undone
/** Refused whoever it is about, so what is pending stays so where another call has the user. */
const isRefusedUnseen = ({ channel, commands }: Call) =>
  channel !== 'sql' && channel !== 'transaction' &&
  commands.some((one) =>
    one.kind === 'transfer' && one.user === one.to ||
    'amount' in one && one.amount !== null && one.kind !== 'limit' &&
      (one.amount <= 0n || one.amount > 999_999_999_999n)
  )
/**
 * A distributed ledger reads each of two users once it has locked that one: what somebody commits
 * of both meanwhile may count for the second alone, if it is an entry by hand, which locks nobody.
 */
const isOfOneMoment = (one: Call) =>
  !isOnCitus() || one.channel !== 'transaction' || one.commands.length === 1 || !hasInsert(one)
/** Of what is rolled back nobody knows afterwards which rows of others it had seen. */
const isClear = (group: Call[]) =>
  (group.length === 1 || !group.some(isRefusedUnseen) && group.every(isOfOneMoment)) &&
  !group.some((one, i) => isUndone(one) && group.some((other, j) => i !== j && hasInsert(other)))
const group: fc.Arbitrary<Call[]> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(call, { minLength: 1, maxLength: AT_ONCE, size: 'max' }).filter(isClear),
  },
  // Time passes for everybody.
  {
    weight: 1,
    arbitrary: known.map((user): Call[] => [{ channel: 'sql', commands: [{ kind: 'age', user }] }]),
  },
)
export const sequence = fc.array(group, { minLength: 1, maxLength: 8, size: 'max' })

const RICH: Command[] = [
  { kind: 'credit', user: 0, amount: 1500n, key: null },
  { kind: 'credit', user: 1, amount: 1000n, key: null },
  { kind: 'hold', user: 0, amount: 300n, seconds: 3600, key: null },
  { kind: 'hold', user: 0, amount: 200n, seconds: null, key: null },
]
export const START: Call = { channel: 'transaction', commands: RICH, undone: false }
