/**
 * How many steps a regular expression takes: it is matched once more, by a backtracking machine that
 * counts (R. Cox, "Regular Expression Matching: the Virtual Machine Approach"). The order in which
 * it tries is ECMAScript's, and so V8's.
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

function compile({ source, flags }: RegExp): Instruction[] {
  const atomFlags = flags.replace(/[gyd]/g, '')
  let at = 0
  let groups = 1
  let registers = 0

  function token(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = Reflect.apply(exec, pattern, [source])
    if (found) at += found[0].length
    return found
  }

  /** What one character must be: the runtime itself says it. */
  function char(text: string): Instruction[] {
    const alone = new RegExp(`^(?:${text})$`, atomFlags)
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

  function alternatives(): Instruction[] {
    let code = sequence()
    while (source[at] === '|') {
      at++
      const other = sequence()
      code = [
        { op: 'split', first: 1, second: code.length + 2 },
        ...code,
        { op: 'jump', to: other.length + 1 },
        ...other,
      ]
    }
    return code
  }

  function sequence(): Instruction[] {
    const code: Instruction[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      code.push(...repeated(atom()))
    }
    return code
  }

  function atom(): Instruction[] {
    const one = source[at]!
    if (one === '(') return group()
    if (one === '[') return char(token(CLASS)![0])
    if (one === '^' || one === '$') {
      at++
      return [{ op: 'at', assertion: one }]
    }
    if (one !== '\\') {
      at++
      return char(one)
    }
    const [escape] = token(ESCAPE)!
    if (/^\\[bB]$/.test(escape)) return [{ op: 'at', assertion: escape }]
    if (/^\\[1-9]$/.test(escape)) return [{ op: 'back', group: Number(escape[1]) }]
    if (escape.startsWith('\\k')) throw new Error(`not known here: ${source}`)
    return char(escape)
  }

  function group(): Instruction[] {
    const [opening, look, name] = token(GROUP)!
    const number = opening === '(' || name !== undefined ? groups++ : undefined
    const code = alternatives()
    if (source[at++] !== ')') throw new Error(`not known here: ${source}`)
    if (look !== undefined) {
      if (look.startsWith('<')) throw new Error(`not known here: ${source}`)
      return [{ op: 'look', program: [...code, { op: 'end' }], isNegative: look === '!' }]
    }
    if (number === undefined) return code
    return [
      { op: 'save', register: 2 * number },
      ...code,
      { op: 'save', register: 2 * number + 1 },
    ]
  }

  function repeated(code: Instruction[]): Instruction[] {
    const found = token(QUANTIFIER)
    if (!found) return code
    const [, sign, from, comma, to, lazy] = found
    const least = sign ? Number(sign === '+') : Number(from)
    const most = sign ? (sign === '?' ? 1 : Infinity) : to ? Number(to) : comma ? Infinity : least
    const either = (first: number, second: number): Instruction =>
      lazy ? { op: 'split', first: second, second: first } : { op: 'split', first, second }
    const result: Instruction[] = []
    for (let n = 0; n < least; n++) result.push(...code)
    // A part beyond the least that takes nothing isn't tried: it would be for ever.
    const register = -++registers
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

  const code = alternatives()
  if (at < source.length) throw new Error(`not known here: ${source}`)
  return [...code, { op: 'end' }]
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
  if (!program) programs.set(key, program = compile(pattern))
  const { multiline, sticky, global, unicode } = pattern
  let steps = 0

  function holds(assertion: string, at: number): boolean {
    if (assertion === '^') return at === 0 || (multiline && text[at - 1] === '\n')
    if (assertion === '$') return at === text.length || (multiline && text[at] === '\n')
    return (isWord(text[at - 1]) !== isWord(text[at])) === (assertion === '\\b')
  }

  /** The end of the match that begins there. */
  function run(code: Instruction[], start: number, saved: Map<number, number>): number | undefined {
    const undo: [pc: number, at: number, register: number, value: number | undefined][] = []
    let pc = 0
    let at = start
    for (;;) {
      if (++steps > MAX_STEPS) steps = Infinity
      if (steps === Infinity) return undefined
      const one = code[pc]!
      let fails = false
      switch (one.op) {
        case 'end':
          return at
        case 'char': {
          const char = unicode && at < text.length
            ? String.fromCodePoint(text.codePointAt(at)!)
            : text[at]
          fails = char === undefined || !one.matches(char)
          at += char?.length ?? 0
          pc++
          break
        }
        case 'at':
          fails = !holds(one.assertion, at)
          pc++
          break
        case 'split':
          undo.push([pc + one.second, at, NaN, undefined])
          pc += one.first
          break
        case 'jump':
          pc += one.to
          break
        case 'save':
          undo.push([NaN, 0, one.register, saved.get(one.register)])
          saved.set(one.register, at)
          pc++
          break
        case 'moved':
          fails = saved.get(one.register) === at
          pc++
          break
        case 'back': {
          const [from, to] = [saved.get(2 * one.group), saved.get(2 * one.group + 1)]
          const part = from === undefined || to === undefined ? '' : text.slice(from, to)
          steps += part.length
          fails = text.slice(at, at + part.length) !== part
          at += part.length
          pc++
          break
        }
        case 'look': {
          fails = (run(one.program, at, saved) !== undefined) === one.isNegative
          pc++
        }
      }
      while (fails) {
        const last = undo.pop()
        if (!last) return undefined
        const [toPc, toAt, register, value] = last
        if (Number.isNaN(register)) {
          pc = toPc
          at = toAt
          fails = false
        } else if (value === undefined) saved.delete(register)
        else saved.set(register, value)
      }
    }
  }

  const first = sticky || global ? pattern.lastIndex : 0
  for (let start = first; start <= text.length; start++) {
    const end = run(program, start, new Map())
    if (end !== undefined) return { steps, found: [start, end] }
    if (sticky || steps === Infinity) break
  }
  return { steps, found: undefined }
}
