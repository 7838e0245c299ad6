/**
 * How many steps a regular expression takes: it is matched once more, by a backtracking machine
 * that counts (R. Cox, "Regular Expression Matching: the Virtual Machine Approach"). The order in
 * which it tries is ECMAScript's, and so V8's.
 */

/** Taken from the prototype before anybody can put something that counts there. */
const { value: exec } = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec') as {
  value: RegExp['exec']
}

type Instruction =
  | { op: 'char'; matches: (char: string) => boolean }
  | { op: 'at'; assertion: string }
  | { op: 'split'; first: number; second: number }
  | { op: 'jump'; to: number }
  /** Of a group, or where a repeated part began. */
  | { op: 'save'; register: number }
  | { op: 'moved'; register: number }
  | { op: 'back'; group: number }
  | { op: 'look'; program: Instruction[]; isNegative: boolean }
  | { op: 'end' }

const ESCAPE = /\\(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|p\{[^}]*\}|P\{[^}]*\}|c[a-z]|[^])/iy
const CLASS = /\[(?:\\[^]|[^\]\\])*\]/y
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y
const GROUP = /\((?:\?(?::|(<?[=!])|<(\w+)>))?/y
/** More is too much, whatever it was for. */
const MAX_STEPS = 4_000_000

/** Parses an expression by recursive descent, and compiles what it parses. */
class Compiler {
  readonly #source: string
  readonly #flags: string
  #at = 0
  #groups = 1
  #registers = 0

  constructor({ source, flags }: RegExp) {
    this.#source = source
    this.#flags = flags.replace(/[gyd]/g, '')
  }

  compile(): Instruction[] {
    const code = this.#alternatives()
    if (this.#at < this.#source.length) throw new Error(`not known here: ${this.#source}`)
    return [...code, { op: 'end' }]
  }

  #token(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = Reflect.apply(exec, pattern, [this.#source])
    if (found) this.#at += found[0].length
    return found
  }

  /** What one character must be: the runtime itself says it. */
  #char(text: string): Instruction[] {
    const alone = new RegExp(`^(?:${text})$`, this.#flags)
    const known = new Map<string, boolean>()
    const matches = (one: string) => {
      let result = known.get(one)
      if (result === undefined) {
        known.set(one, result = Reflect.apply(exec, alone, [one]) !== null)
      }
      return result
    }
    return [{ op: 'char', matches }]
  }

  #alternatives(): Instruction[] {
    let code = this.#sequence()
    while (this.#source[this.#at] === '|') {
      this.#at++
      const other = this.#sequence()
      code = [
        { op: 'split', first: 1, second: code.length + 2 },
        ...code,
        { op: 'jump', to: other.length + 1 },
        ...other,
      ]
    }
    return code
  }

  #sequence(): Instruction[] {
    const code: Instruction[] = []
    while (
      this.#at < this.#source.length && this.#source[this.#at] !== '|' &&
      this.#source[this.#at] !== ')'
    ) {
      code.push(...this.#repeated(this.#atom()))
    }
    return code
  }

  #atom(): Instruction[] {
    const one = this.#source[this.#at]!
    if (one === '(') return this.#group()
    if (one === '[') return this.#char(this.#token(CLASS)![0])
    if (one === '^' || one === '$') {
      this.#at++
      return [{ op: 'at', assertion: one }]
    }
    if (one !== '\\') {
      this.#at++
      return this.#char(one)
    }
    const [escape] = this.#token(ESCAPE)!
    if (/^\\[bB]$/.test(escape)) return [{ op: 'at', assertion: escape }]
    if (/^\\[1-9]$/.test(escape)) return [{ op: 'back', group: Number(escape[1]) }]
    if (escape.startsWith('\\k')) throw new Error(`not known here: ${this.#source}`)
    return this.#char(escape)
  }

  #group(): Instruction[] {
    const [opening, look, name] = this.#token(GROUP)!
    const number = opening === '(' || name !== undefined ? this.#groups++ : undefined
    const code = this.#alternatives()
    if (this.#source[this.#at++] !== ')') throw new Error(`not known here: ${this.#source}`)
    if (look !== undefined) {
      if (look.startsWith('<')) throw new Error(`not known here: ${this.#source}`)
      return [{ op: 'look', program: [...code, { op: 'end' }], isNegative: look === '!' }]
    }
    if (number === undefined) return code
    return [
      { op: 'save', register: 2 * number },
      ...code,
      { op: 'save', register: 2 * number + 1 },
    ]
  }

  #repeated(code: Instruction[]): Instruction[] {
    const found = this.#token(QUANTIFIER)
    if (!found) return code
    const [, sign, from, comma, to, lazy] = found
    const least = sign ? Number(sign === '+') : Number(from)
    const most = sign ? (sign === '?' ? 1 : Infinity) : to ? Number(to) : comma ? Infinity : least
    const either = (first: number, second: number): Instruction =>
      lazy ? { op: 'split', first: second, second: first } : { op: 'split', first, second }
    const result: Instruction[] = []
    for (let n = 0; n < least; n++) result.push(...code)
    // A part beyond the least that takes nothing isn't tried: it would be for ever.
    const register = -++this.#registers
    const body: Instruction[] = [{ op: 'save', register }, ...code, { op: 'moved', register }]
    if (most === Infinity) {
      result.push(either(1, body.length + 2), ...body, { op: 'jump', to: -body.length - 1 })
      return result
    }
    for (let n = most - least; n > 0; n--) {
      // Each of them is followed by those after it, so whoever leaves jumps over all.
      result.push(either(1, (body.length + 1) * n), ...body)
    }
    return result
  }
}

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
