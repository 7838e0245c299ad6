/** JSON texts with one thing wrong with them. */
import fc from 'fast-check'
import { hostile, Raw, textOf } from './values.ts'

interface Spot {
  holder: Record<string, unknown>
  name: string
}

/** Every member and item of a value, the value itself first. */
function spotsOf(root: Record<string, unknown>): Spot[] {
  const spots: Spot[] = []
  const visit = (holder: Record<string, unknown>, name: string) => {
    spots.push({ holder, name })
    const value = holder[name]
    if (typeof value !== 'object' || value === null || value instanceof Raw) return
    for (const inner of Object.keys(value)) visit(value as Record<string, unknown>, inner)
  }
  visit(root, 'value')
  return spots
}

type Damage = 'replace' | 'drop' | 'add' | 'twice' | 'wrap' | 'cut' | 'append' | 'text'
const DAMAGES: Damage[] = ['replace', 'drop', 'add', 'twice', 'wrap', 'cut', 'append', 'text']

/** The text of a value with one thing wrong with it, at a place picked by `at`. */
function damaged(value: unknown, damage: Damage, at: number, bad: unknown): string {
  const root: Record<string, unknown> = { value: structuredClone(value) }
  const spots = spotsOf(root)
  const { holder, name } = spots[at % spots.length]!
  const here = holder[name]
  const isObject = typeof here === 'object' && here !== null && !Array.isArray(here)
  const members = isObject ? textOf(here).slice(1, -1) : ''
  if (damage === 'replace') holder[name] = bad
  else if (damage === 'wrap') holder[name] = at % 2 ? [here] : { value: here }
  else if (damage === 'drop') {
    if (Array.isArray(holder)) holder.splice(Number(name), 1)
    else if (holder !== root) delete holder[name]
  } else if (damage === 'add' && isObject) {
    const extra = ['id', 'balance', 'user_id', '__proto__', 'Amount', 'a.b', ''][at % 7]!
    holder[name] = new Raw(
      `{${members}${members && ','}${JSON.stringify(extra)}:${textOf(bad)}}`,
    )
  } else if (damage === 'twice' && members) holder[name] = new Raw(`{${members},${members}}`)
  const text = textOf(root['value'])
  if (damage === 'cut') return text.slice(0, at % (text.length + 1))
  if (damage === 'append') return `${text}${[',', '}', 'null', '//', '\0', text][at % 6]}`
  if (damage === 'text') {
    const place = at % (text.length + 1)
    return `${text.slice(0, place)}${['\t', '\u0001', '"', '\\', ',', '\u00a0', '\ufeff'][at % 7]}${
      text.slice(place)
    }`
  }
  return text
}

/** A JSON text with one thing wrong with it; some are right all the same. */
export const spoiled = (values: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc.tuple(values, fc.constantFrom(...DAMAGES), fc.nat(), hostile)
    .map(([value, damage, at, bad]) => damaged(value, damage, at, bad))
