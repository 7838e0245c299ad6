/** Regular expressions, compiled to the instructions of the machine in regexp_steps.ts. */
/**
 * How many steps a regular expression takes: it is matched once more, by a backtracking machine
 * that counts (R. Cox, "Regular Expression Matching: the Virtual Machine Approach"). The order in
 * which it tries is ECMAScript's, and so V8's.
 */

/** Taken from the prototype before anybody can put something that counts there. */
export const { value: exec } = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec') as {
  value: RegExp['exec']
}

export type Instruction =
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

/** Parses an expression by recursive descent, and compiles what it parses. */
export class Compiler {
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
