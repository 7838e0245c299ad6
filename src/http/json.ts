/**
 * Finds what JSON.parse accepts but a ledger must not: members given twice, and numbers that it
 * would change.
 */
import type { Fault } from '../core/invalid_request.ts'

/**
 * Levels of nesting: as many as 4 KiB of metadata can have. JSON.stringify runs out of stack at
 * some thousands.
 */
const MAX_DEPTH = 2048
/** Faults that are looked for. */
const MAX_FAULTS = 20

const TOKEN = {
  string: /"(?:[^"\\]|\\.)*"/y,
  number: /[-\d][\d.eE+-]*/y,
}

/**
 * A number in a canonical form: its digits without leading and trailing zeros, and the exponent.
 */
function decimal(literal: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  // Not /0+$/, which takes time quadratic in a run of zeros: minutes for a body full of them.
  let end = digits.length
  while (digits[end - 1] === '0') end--
  const significant = digits.slice(0, end)
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return `${sign}${significant}e${power}`
}

interface Level {
  /** The names of members so far; undefined for an array. */
  members?: Set<string>
  at: string | number
}

const faultIn = (levels: Level[], message: string): Fault => ({
  path: levels.map(({ at }) => at),
  message,
})

/**
 * Finds faults in a text that JSON.parse accepts: a member that occurs twice in its object, a
 * number that a double can't hold as it is written (1e400, 0.1 followed by 40 digits), a string
 * with a NUL or half a surrogate pair, which PostgreSQL can't store, and too many levels.
 * @returns the first few faults
 */
export function jsonFaults(text: string): Fault[] {
  const faults: Fault[] = []
  const levels: Level[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    if (faults.length === MAX_FAULTS) return faults
    const char = text[at]!
    const level = levels.at(-1)
    if (char === '{') {
      levels.push({ members: new Set(), at: '' })
      isName = true
    } else if (char === '[') {
      levels.push({ at: 0 })
      isName = false
    } else if (char === '}' || char === ']') {
      levels.pop()
      isName = false
    } else if (char === ':') isName = false
    else if (char === ',') {
      isName = level?.members !== undefined
      if (typeof level?.at === 'number') level.at++
    } else if (char === '"') {
      const token = tokenAt(TOKEN.string, text, at)
      at += token.length - 1
      const string = JSON.parse(token) as string
      if (isName) {
        level!.at = string
        // With a quote in front. Anybody can compute names of digits that fall into the same slot
        // of a Set, and then each lookup would compare with all before it (V8 of Deno 2.9).
        const name = `"${string}`
        if (level!.members!.has(name)) faults.push(faultIn(levels, 'is given twice'))
        level!.members!.add(name)
      }
      if (string.includes('\0') || !string.isWellFormed()) {
        faults.push(faultIn(levels, 'has a NUL or half a surrogate pair'))
      }
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      const token = tokenAt(TOKEN.number, text, at)
      at += token.length - 1
      if (!isExact(token)) faults.push(faultIn(levels, 'has more digits than can be read exactly'))
    }
    if (levels.length > MAX_DEPTH) return [{ path: [], message: 'is nested too deeply' }]
  }
  return faults
}

/**
 * The token that begins at this place. The text is JSON, so there is one. `matchAll` would make
 * garbage for each.
 */
function tokenAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  pattern.test(text)
  return text.slice(at, pattern.lastIndex)
}

function isExact(literal: string): boolean {
  // A double holds any 15 digits exactly.
  if (literal.length <= 15 && !/e/i.test(literal)) return true
  const number = Number(literal)
  return Number.isFinite(number) && decimal(literal) === decimal(String(number))
}
