/** In which order things that were done at once can have happened, by what they were answered. */
import type { Done } from './call.ts'
import { UNSAID } from './http_adapter.ts'
import type { Account } from './account.ts'
import type { Command } from './command.ts'
import type { Model } from './model.ts'

const MAX_STATES = 10_000

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
    line === (line.endsWith(UNSAID) ? wanted[i]!.replace(/-?\w+$/, UNSAID) : wanted[i])
  )

interface Place {
  next: number
  /** How the users were that it has changed, and so locked. */
  changed: Map<number, Account>
  /** Manual entries that only itself can see as long as it is open; after its last step, too. */
  own: Insert[]
}
type Insert = Command & { kind: 'insert' }
interface State {
  model: Model
  at: Place[]
}

/** How the model is after the command, if it would be answered so. */
function answered(
  model: Model,
  own: Insert[],
  channel: Done['channel'],
  command: Command,
  answer: string[],
): Model | undefined {
  const after = model.copy()
  for (const insert of own) after.apply(insert, channel)
  return fits(answer, after.apply(command, channel)) ? after : undefined
}

/** Whether another that isn't over has one of the users. */
const isHeld = (at: Place[], all: Done[], n: number, users: number[]): boolean =>
  at.some((other, i) =>
    i !== n && isOpen(other, all[i]!) && users.some((user) => other.changed.has(user))
  )

/**
 * A call over HTTP that leaves manual entries, as they came while it posted others, is made once
 * more: whatever their ids, those that were there first are posted first.
 */
function countedFirst({ model, at }: State, all: Done[], n: number): State | undefined {
  const command = all[n]!.steps[at[n]!.next]?.command
  if (all[n]!.channel === 'sql' || !command || command.kind === 'read') return undefined
  const users = usersOf(model, command).filter((user) => model.accounts[user]?.pending.length)
  const mayCome = all.some(({ steps }) =>
    steps.some(({ command }) => command.kind === 'insert' && users.includes(command.user))
  )
  if (!mayCome || isHeld(at, all, n, users)) return undefined
  const after = model.copy()
  for (const user of users) after.accounts[user]!.postPending()
  return { model: after, at }
}

/** One more step of one of them, if it was answered as it would be now. */
function advance({ model, at }: State, all: Done[], n: number): State | undefined {
  const { channel, steps, undone } = all[n]!
  const { next, changed, own } = at[n]!
  if (next === steps.length) return commit({ model, at }, n)
  const { answer } = steps[next]!
  let { command } = steps[next]!
  const users = usersOf(model, command)
  if (isHeld(at, all, n, users) && command.kind !== 'insert') return undefined
  if (command.kind === 'insert') command = { ...command, id: Number(answer[0]) }
  const after = answered(model, own, channel, command, answer)
  if (!after) return undefined

  const inserted = command.kind === 'insert' ? [...own, command] : own
  const isLast = next + 1 === steps.length
  const hidden = steps.length === 1 && !undone ? [] : inserted.filter(({ user, id }) => {
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
  const isUndone = undone && isLast
  if (isUndone) { for (const [user, account] of locked) after.accounts[user] = account.copy() }
  const place = { next: next + 1, changed: locked, own: isUndone ? [] : hidden }
  return { model: after, at: at.with(n, place) }
}

const isOpen = ({ next, own }: Place, { steps }: Done) => next < steps.length || own.length > 0

/**
 * Now others see what was entered manually; for all else it is no matter when after the last step.
 */
function commit({ model, at }: State, n: number): State | undefined {
  const place = at[n]!
  if (place.own.length === 0) return undefined
  const after = model.copy()
  for (const insert of place.own) after.apply(insert, 'sql')
  return { model: after, at: at.with(n, { ...place, own: [] }) }
}

/** A text that is the same for models that are the same. */
export const written = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => typeof part === 'bigint' ? `${part}` : part)

/** What the models may have become; none: the answers contradict them all. */
export function explain(models: Model[], all: Done[]): Model[] {
  const start = all.map((): Place => ({ next: 0, changed: new Map(), own: [] }))
  const ends: Model[] = []
  for (let open = models.map((model): State => ({ model, at: start })); open.length > 0;) {
    const reached = open.flatMap((state) =>
      all.flatMap((_, n) =>
        [
          advance(state, all, n) ?? [],
          countedFirst(state, all, n) ?? [],
        ].flat()
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
    const isOver = ({ at }: State) => !at.some((place, n) => isOpen(place, all[n]!))
    open = []
    for (const state of distinct.values()) {
      if (isOver(state)) ends.push(state.model)
      else open.push(state)
    }
    if (open.length > MAX_STATES) throw new Error('too many orders to look at')
  }
  return [...new Map(ends.map((model) => [written(model.accounts), model])).values()]
}
