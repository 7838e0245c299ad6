/** Random operations on a few users, and the manual entries between them. */
import fc from 'fast-check'
import type { Operation } from '../support/post.ts'

export const USERS = 3
export const UNKNOWN_ID = 999_999

/** By number among the users of a run; one above: unknown. */
export type Numbered = Omit<Operation, 'user' | 'peer'> & { user: number; peer?: number }
export interface Step {
  /** What a user may do from then on. */
  control: { user: number; call: 'freeze_user' | 'thaw_user' | 'set_credit_limit' } | null
  /** Manual entries that are there before the operations. */
  pending: { user: number; action: 'CREDIT' | 'DEBIT'; amount: string }[]
  operations: Numbered[]
}

const user = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: USERS - 1 }) },
  { weight: 1, arbitrary: fc.constant(USERS) },
)
const amount = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('1', '1.5', '2.00', '3', '5', '50') },
  { weight: 1, arbitrary: fc.constantFrom('0', '-1', '0.001', 'NaN', null) },
)
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('', 'a b') },
)
const metadata = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom('{"m": 1.10}', '{}') },
  { weight: 1, arbitrary: fc.constant('[]') },
)
const more = { user, key, metadata }
const ref = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 1, 2, 2, 3, 4) },
  { weight: 1, arbitrary: fc.constantFrom(99, 0, null) },
)
const op = <O extends string>(name: O) => fc.constant(name)
const operation: fc.Arbitrary<Numbered> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: op('DEBIT'), amount, ...more }) },
  { weight: 3, arbitrary: fc.record({ op: op('CREDIT'), amount, ...more }) },
  { weight: 4, arbitrary: fc.record({ op: op('TRANSFER'), amount, peer: user, ...more }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: op('HOLD'),
      amount,
      expiresIn: fc.constantFrom(null, null, '3600', '0'),
      ...more,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom('CAPTURE', 'CAPTURE PART', 'CAPTURE PART'),
      ref,
      amount: fc.option(amount),
      ...more,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: op('EXTEND'),
      ref,
      expiresIn: fc.constantFrom(null, '7200', '7200', '1800', '0', 'NaN'),
      ...more,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: op('RELEASE'), ref, ...more }) },
  {
    weight: 5,
    arbitrary: fc.record({ op: op('REVERSE'), ref, amount: fc.option(amount), ...more }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant(null), user }) },
)
const pending = fc.record({
  user: fc.nat(USERS - 1),
  action: fc.constantFrom('CREDIT' as const, 'DEBIT' as const),
  amount: fc.constantFrom('1.00', '4.00', '20.00'),
})
export const steps = fc.array(
  fc.record({
    control: fc.option(fc.record({
      user: fc.nat(USERS - 1),
      call: fc.constantFrom('freeze_user', 'thaw_user', 'set_credit_limit', 'set_credit_limit'),
    })),
    pending: fc.array(pending, { maxLength: 2 }),
    operations: fc.array(operation, { minLength: 1, maxLength: 20 }),
  }),
  { minLength: 1, maxLength: 3 },
)
