/**
 * How many steps a regular expression takes: it is matched once more, by a backtracking machine
 * that counts (R. Cox, "Regular Expression Matching: the Virtual Machine Approach"). The order in
 * which it tries is ECMAScript's, and so V8's.
 */
import { Compiler, exec, type Instruction } from './regexp_program.ts'

/** More is too much, whatever it was for. */
const MAX_STEPS = 4_000_000

const isWord = (char: string | undefined) =>
  char !== undefined && Reflect.apply(exec, /^\w$/, [char]) !== null

const programs = new Map<string, Instruction[]>()

export interface Matching {
  /** Infinity: more than anything may take. */
  steps: number
  /** Where the match begins and ends. */
  found: [number, number] | undefined
}

/** Does what `pattern.exec(text)` would do, from `pattern.lastIndex` where that counts. */
export function matching(pattern: RegExp, text: string): Matching {
  const key = `${pattern.flags}/${pattern.source}`
  let program = programs.get(key)
  if (!program) programs.set(key, program = new Compiler(pattern).compile())
  const machine = new Machine(pattern, text)
  const first = pattern.sticky || pattern.global ? pattern.lastIndex : 0
  for (let start = first; start <= text.length; start++) {
    const end = machine.run(program, start, new Map())
    if (end !== undefined) return { steps: machine.steps, found: [start, end] }
    if (pattern.sticky || machine.steps === Infinity) break
  }
  return { steps: machine.steps, found: undefined }
}

/** How far a run of a program is. */
interface State {
  pc: number
  at: number
  saved: Map<number, number>
  /** What to do if it goes on in vain: go elsewhere, or restore a register. */
  undo: [pc: number, at: number, register: number, value: number | undefined][]
}

/** Runs programs on a text, and counts the steps of all runs. */
class Machine {
  steps = 0
  readonly #pattern: RegExp
  readonly #text: string

  constructor(pattern: RegExp, text: string) {
    this.#pattern = pattern
    this.#text = text
  }

  /** @returns the end of the match that begins there */
  run(code: Instruction[], start: number, saved: Map<number, number>): number | undefined {
    const state: State = { pc: 0, at: start, saved, undo: [] }
    for (;;) {
      if (++this.steps > MAX_STEPS) this.steps = Infinity
      if (this.steps === Infinity) return undefined
      const one = code[state.pc]!
      if (one.op === 'end') return state.at
      if (!this.#step(one, state) && !backtrack(state)) return undefined
    }
  }

  /** @returns false if it doesn't match */
  #step(one: Exclude<Instruction, { op: 'end' }>, state: State): boolean {
    const { pc, at, saved, undo } = state
    state.pc++
    switch (one.op) {
      case 'char':
        return this.#takeChar(one.matches, state)
      case 'at':
        return this.#holds(one.assertion, at)
      case 'split':
        undo.push([pc + one.second, at, NaN, undefined])
        state.pc = pc + one.first
        return true
      case 'jump':
        state.pc = pc + one.to
        return true
      case 'save':
        undo.push([NaN, 0, one.register, saved.get(one.register)])
        saved.set(one.register, at)
        return true
      case 'moved':
        return saved.get(one.register) !== at
      case 'back':
        return this.#takeGroup(one.group, state)
      case 'look':
        return (this.run(one.program, at, saved) !== undefined) !== one.isNegative
    }
  }

  #takeChar(matches: (char: string) => boolean, state: State): boolean {
    const { at } = state
    const char = this.#pattern.unicode && at < this.#text.length
      ? String.fromCodePoint(this.#text.codePointAt(at)!)
      : this.#text[at]
    state.at += char?.length ?? 0
    return char !== undefined && matches(char)
  }

  #takeGroup(group: number, state: State): boolean {
    const { at, saved } = state
    const [from, to] = [saved.get(2 * group), saved.get(2 * group + 1)]
    const part = from === undefined || to === undefined ? '' : this.#text.slice(from, to)
    this.steps += part.length
    state.at += part.length
    return this.#text.slice(at, at + part.length) === part
  }

  #holds(assertion: string, at: number): boolean {
    const text = this.#text
    const { multiline } = this.#pattern
    if (assertion === '^') return at === 0 || (multiline && text[at - 1] === '\n')
    if (assertion === '$') return at === text.length || (multiline && text[at] === '\n')
    return (isWord(text[at - 1]) !== isWord(text[at])) === (assertion === '\\b')
  }
}

/** Goes back to the last choice. @returns false if there is none */
function backtrack(state: State): boolean {
  for (;;) {
    const last = state.undo.pop()
    if (!last) return false
    const [pc, at, register, value] = last
    if (Number.isNaN(register)) {
      Object.assign(state, { pc, at })
      return true
    }
    if (value === undefined) state.saved.delete(register)
    else state.saved.set(register, value)
  }
}
