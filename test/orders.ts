/** In which order things that were done at once can have happened, by what they were answered. */
import { type Done, UNSAID } from './doors.ts'
import type { Account, Command, Model } from './model.ts'

const RACING = 50

/** Whoever the command changes; the other half of a transfer goes back with the one. */
function usersOf({ accounts }: Model, command: Command): number[] {
  if (command.kind === 'transfer') return [command.user, command.to]
  if (command.kind !== 'reverse') return [command.user]
  const peer = accounts[command.user]?.entries[command.seq - 1]?.peer ?? null
  return peer === null ? [command.user] : [command.user, peer]
}

const fits = (answer: string[], wanted: string[]) =>
  answer.length === wanted.length &&
  answer.every((line, i) =>
    line === (line.endsWith(UNSAID) ? wanted[i]!.replace(/\w+$/, UNSAID) : wanted[i])
  )

interface Place {
  next: number
  /** How the users were that it has changed, and so locked. */
  changed: Map<number, Account>
  /** Rows made by hand that only itself can see as long as it is open. */
  own: Insert[]
}
type Insert = Command & { kind: 'insert' }
interface State {
  model: Model
  at: Place[]
}

/** One more step of one of them, if it was answered as it would be now. */
function advance({ model, at }: State, all: Done[], n: number): State | undefined {
  const { door, steps, undone } = all[n]!
  const { next, changed, own } = at[n]!
  const { answer } = steps[next]!
  let { command } = steps[next]!
  const users = usersOf(model, command)
  const isLocked = at.some((other, i) =>
    i !== n && other.next < all[i]!.steps.length && users.some((user) => other.changed.has(user))
  )
  if (isLocked && command.kind !== 'insert') return undefined
  const after = model.copy()
  for (const insert of own) after.apply(insert, door)
  if (command.kind === 'insert') command = { ...command, id: Number(answer[0]) }
  if (!fits(answer, after.apply(command, door))) return undefined

  const inserted = command.kind === 'insert' ? [...own, command] : own
  const isOver = next + 1 === steps.length
  const hidden = isOver && !undone ? [] : inserted.filter(({ user, id }) => {
    const { pending } = after.accounts[user]!
    const index = pending.findIndex((row) => row.id === id)
    if (index >= 0) pending.splice(index, 1)
    return index >= 0
  })
  const locked = new Map(changed)
  const isWrite = command.kind !== 'read' && command.kind !== 'insert'
  if (isWrite && !answer[0]?.startsWith('LG')) {
    for (const user of users) if (!locked.has(user)) locked.set(user, model.accounts[user]!)
  }
  if (undone && isOver) {
    for (const [user, account] of locked) after.accounts[user] = account.copy()
  }
  return { model: after, at: at.with(n, { next: next + 1, changed: locked, own: hidden }) }
}

/** A text that is the same for models that are the same. */
export const written = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => typeof part === 'bigint' ? `${part}` : part)

/** What the models may have become; none: the answers contradict them all. */
export function explain(models: Model[], all: Done[]): Model[] {
  const start = all.map((): Place => ({ next: 0, changed: new Map(), own: [] }))
  let states: State[] = models.map((model) => ({ model, at: start }))
  const total = all.reduce((sum, { steps }) => sum + steps.length, 0)
  for (let step = 0; step < total; step++) {
    const reached = states.flatMap((state) =>
      all.flatMap(({ steps }, n) =>
        state.at[n]!.next < steps.length ? advance(state, all, n) ?? [] : []
      )
    )
    // Different orders mostly come to the same.
    const distinct = new Map(reached.map((state) => [
      written([
        state.model.accounts,
        state.at.map(({ next, changed, own }) => [next, [...changed], own]),
      ]),
      state,
    ]))
    states = [...distinct.values()]
    if (states.length > RACING * RACING) throw new Error('too many orders to look at')
  }
  return states.map(({ model }) => model)
}
