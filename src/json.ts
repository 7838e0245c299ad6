/** What JSON.parse lets pass and a ledger must not: members given twice, numbers it would change. */

/** As deep as 4 KiB of metadata can be; JSON.stringify runs out of stack at some thousands. */
const MAX_DEPTH = 2048
/** Enough to see what is wrong; each of them names its place, which can be a long one. */
const MAX_FAULTS = 20

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/g

/** Digits without leading and trailing zeros, and the power of ten that they are multiplied by. */
function decimal(literal: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return `${sign}${significant}e${power}`
}

export interface JsonFault {
  /** Where in the text: members and indexes, joined by points. */
  path: string
  message: string
}

interface Level {
  /** What has been named so far; an array has none. */
  members?: Set<string>
  at: string | number
}

/**
 * What is wrong with a text that JSON.parse accepts: a member that occurs twice in its object, a
 * number that a double can't hold as it is written (1e400, 0.1 followed by 40 digits), a string
 * with a NUL or half a surrogate pair, which PostgreSQL can't store; and more levels than there is
 * any use for. The first few only.
 */
export function jsonFaults(text: string): JsonFault[] {
  const faults: JsonFault[] = []
  const levels: Level[] = []
  let isName = false
  const fault = (message: string) =>
    faults.push({ path: levels.map(({ at }) => at).join('.'), message })
  for (const [token] of text.matchAll(TOKEN)) {
    if (faults.length === MAX_FAULTS) return faults
    const first = token[0]!
    const level = levels.at(-1)
    if (first === '{') {
      levels.push({ members: new Set(), at: '' })
      isName = true
    } else if (first === '[') {
      levels.push({ at: 0 })
      isName = false
    } else if (first === '}' || first === ']') {
      levels.pop()
      isName = false
    } else if (first === ':') isName = false
    else if (first === ',') {
      isName = level?.members !== undefined
      if (typeof level?.at === 'number') level.at++
    } else if (first === '"') {
      const string = JSON.parse(token) as string
      if (isName) {
        level!.at = string
        if (level!.members!.has(string)) fault('is given twice')
        level!.members!.add(string)
      }
      if (string.includes('\0') || !string.isWellFormed()) {
        fault('has a NUL or half a surrogate pair')
      }
    } else if (!isExact(token)) fault('has more digits than can be read exactly')
    if (levels.length > MAX_DEPTH) return [{ path: '', message: 'is nested too deeply' }]
  }
  return faults
}

function isExact(literal: string): boolean {
  const number = Number(literal)
  return Number.isFinite(number) && decimal(literal) === decimal(String(number))
}
