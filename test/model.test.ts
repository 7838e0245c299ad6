/** Random sequences of calls, on the ledger and on a model of it in integers of cents. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createUser, findingsOf, historyOf, useLedger } from './ledger.ts'

const RUNS = 40

const ledger = useLedger()

type Action = 'CREDIT' | 'DEBIT'

interface Call {
  user: number
  action: Action
  cents: number
  key: string | null
}

type Step =
  | { kind: 'call'; call: Call }
  | { kind: 'batch'; calls: Call[]; maxPending: number }
  | { kind: 'hand'; call: Call }
  | { kind: 'recalculate'; user: number }

const call = fc.record<Call>({
  user: fc.nat(1),
  action: fc.constantFrom('CREDIT', 'DEBIT'),
  // Few values, so that keys and amounts meet; 0 is refused.
  cents: fc.constantFrom(0, 1, 99, 100, 250),
  key: fc.constantFrom(null, null, 'a', 'b', 'c'),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('call' as const), call }),
  fc.record({
    kind: fc.constant('batch' as const),
    calls: fc.array(call, { minLength: 1, maxLength: 6 }),
    maxPending: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('hand' as const), call }),
  fc.record({ kind: fc.constant('recalculate' as const), user: fc.nat(1) }),
)

interface Sealed {
  action: Action
  cents: number
  balance: number
  key: string | null
}

/** One user. */
class Model {
  sealed: Sealed[] = []
  pending: Pick<Call, 'action' | 'cents'>[] = []

  get balance() {
    return this.sealed.at(-1)?.balance ?? 0
  }

  add({ action, cents }: Pick<Call, 'action' | 'cents'>, key: string | null) {
    const balance = this.balance + (action === 'CREDIT' ? cents : -cents)
    this.sealed.push({ action, cents, balance, key })
  }

  /** Whether none is left. */
  seal(max: number): boolean {
    for (const row of this.pending.splice(0, max)) this.add(row, null)
    return this.pending.length === 0
  }

  post({ action, cents, key }: Call): string {
    if (cents === 0) return 'LGAMT'
    const found = key === null ? -1 : this.sealed.findIndex((row) => row.key === key)
    const row = this.sealed[found]
    if (row) {
      if (row.action !== action || row.cents !== cents) return 'LGKEY'
      return `ok ${found + 1} ${row.balance} again`
    }
    if (action === 'DEBIT' && cents > this.balance) return 'LGFND'
    this.add({ action, cents }, key)
    return `ok ${this.sealed.length} ${this.balance}`
  }

  history(): string[] {
    const money = (cents: number) => (cents / 100).toFixed(2)
    const sign = (action: Action) => action === 'CREDIT' ? '+' : '-'
    return [
      ...this.sealed.map((r) => `${sign(r.action)}${money(r.cents)}=${money(r.balance)}`),
      ...this.pending.map((r) => `${sign(r.action)}${money(r.cents)}`),
    ]
  }
}

/** What the ledger answers, in the words of the model. */
const told = (row: { status?: string; seq: string; balance: string; replayed: boolean }) =>
  row.status && row.status !== 'ok'
    ? row.status
    : `ok ${row.seq} ${Math.round(Number(row.balance) * 100)}${row.replayed ? ' again' : ''}`

async function run(step: Step, ids: number[], models: Model[]) {
  const { sql } = ledger
  switch (step.kind) {
    case 'hand': {
      const { user, action, cents } = step.call
      if (cents === 0) return
      models[user]!.pending.push({ action, cents })
      await sql`insert into payment_history (user_id, action, amount)
        values (${ids[user]!}, ${action}, ${cents}::numeric / 100)`
      return
    }
    case 'recalculate':
      models[step.user]!.seal(Infinity)
      await sql`select recalculate_balance(${ids[step.user]!})`
      return
    case 'call': {
      const { user, action, cents, key } = step.call
      const model = models[user]!
      // A refusal takes back what was picked up, too.
      const before = { sealed: [...model.sealed], pending: [...model.pending] }
      model.seal(Infinity)
      const wanted = model.post(step.call)
      if (!wanted.startsWith('ok')) Object.assign(model, before)
      const name = action === 'DEBIT' ? 'debit_user' : 'credit_user'
      const got = await sql<Parameters<typeof told>[0][]>`
        select * from ${sql(name)}(${ids[user]!}, ${cents}::numeric / 100, ${key}::text)`
        .then(([row]) => told(row!), (error) => error.code)
      expect(got).toBe(wanted)
      return
    }
    case 'batch': {
      const done = new Map(
        [...new Set(step.calls.map(({ user }) => user))]
          .map((user) => [user, models[user]!.seal(step.maxPending)]),
      )
      const wanted = step.calls.map((call) =>
        call.cents > 0 && !done.get(call.user) ? '55P03' : models[call.user]!.post(call)
      )
      const array = (of: (call: Call) => string | number | null) =>
        `{${step.calls.map((call) => of(call) ?? 'null').join(',')}}`
      const rows = await sql<Parameters<typeof told>[0][]>`select * from post_entries(
        ${array(({ user }) => ids[user]!)}::bigint[], ${array(({ action }) => action)}::text[],
        ${array(({ cents }) => `${cents}e-2`)}::numeric[], ${array(({ key }) => key)}::text[],
        max_pending => ${step.maxPending})`
      expect(rows.map(told)).toEqual(wanted)
    }
  }
}

test('any sequence of calls does what a model of the ledger does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const ids = [await createUser(ledger.sql), await createUser(ledger.sql)]
      const models = [new Model(), new Model()]
      for (const step of steps) await run(step, ids, models)
      for (const [i, id] of ids.entries()) {
        expect(await historyOf(ledger.sql, id)).toEqual(models[i]!.history())
        expect(await findingsOf(ledger.sql, id)).toEqual([])
      }
    }),
    { numRuns: RUNS },
  )
})
