/** What JSON.parse lets pass and a ledger must not: members given twice, numbers it would change. */
import type { Fault } from '../core/errors.ts'

/** As deep as 4 KiB of metadata can be; JSON.stringify runs out of stack at some thousands. */
const MAX_DEPTH = 2048
/** Enough to see what is wrong. */
const MAX_FAULTS = 20

const TOKEN = {
  string: /"(?:[^"\\]|\\.)*"/y,
  number: /[-\d][\d.eE+-]*/y,
}

/** Digits without leading and trailing zeros, and the power of ten that they are multiplied by. */
function decimal(literal: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  // Not /0+$/, which tries each run of zeros from each of its zeros: minutes for a body of them.
  let end = digits.length
  while (digits[end - 1] === '0') end--
  const significant = digits.slice(0, end)
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return `${sign}${significant}e${power}`
}

interface Level {
  /** What has been named so far; an array has none. */
  members?: Set<string>
  at: string | number
}

const faultIn = (levels: Level[], message: string): Fault => ({
  path: levels.map(({ at }) => at),
  message,
})

/**
 * What is wrong with a text that JSON.parse accepts: a member that occurs twice in its object, a
 * number that a double can't hold as it is written (1e400, 0.1 followed by 40 digits), a string
 * with a NUL or half a surrogate pair, which PostgreSQL can't store; and more levels than there is
 * any use for. The first few only.
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
        // Not the name itself: which names of digits fall into the same place of a Set anybody can
        // work out, and then each looks at all before it (V8 of Deno 2.9).
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

/** What begins there; the text is JSON, so it does. An array of matches for each would be garbage. */
function tokenAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  pattern.test(text)
  return text.slice(at, pattern.lastIndex)
}

function isExact(literal: string): boolean {
  // A double keeps any 15 digits.
  if (literal.length <= 15 && !/e/i.test(literal)) return true
  const number = Number(literal)
  return Number.isFinite(number) && decimal(literal) === decimal(String(number))
}
