/** How Redis reads and writes numbers, ranges and orders, with its own error texts. */
import { Buffer } from 'node:buffer'
import { CommandError } from './redis_backend.ts'

/** The error of Redis for arguments in a wrong form. */
export const syntaxError = () => new CommandError('ERR syntax error')

/** The error of Redis for a key that holds another type. */
export const wrongType = () =>
  new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value')

/** The error of Redis for a wrong number of arguments. */
export const wrongNumber = (command: string) =>
  new CommandError(`ERR wrong number of arguments for '${command}' command`)

/** The error of Redis for a command that it doesn't know. */
export function unknownCommand(name: string, args: string[]): CommandError {
  let shown = ''
  for (const arg of args) {
    if (shown.length >= 128) break
    shown += `'${arg.slice(0, 128 - shown.length)}' `
  }
  const text = `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${shown}`
  return new CommandError(text.replace(/[\r\n]/g, ' '))
}

/** A whole number of 64 bits, in its one canonical form: no sign but a minus, no leading zeros. */
export function parseInteger(text: string): bigint {
  const value = /^(0|-?[1-9]\d{0,18})$/.test(text) ? BigInt(text) : undefined
  if (value === undefined || BigInt.asIntN(64, value) !== value) {
    throw new CommandError('ERR value is not an integer or out of range')
  }
  return value
}

/** A double as strtod reads it, hexadecimal ones excepted. */
export function parseScore(text: string): number {
  const infinity = /^([+-]?)inf(inity)?$/i.exec(text)
  if (infinity) return infinity[1] === '-' ? -Infinity : Infinity
  const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
  const value = decimal ? Number(text) : NaN
  const underflow = value === 0 && /[1-9]/.test(text.replace(/e.*/i, ''))
  if (!Number.isFinite(value) || underflow) throw new CommandError('ERR value is not a valid float')
  return value
}

/** Formats a score as Redis does. */
export const formatScore = (score: number): string =>
  Number.isFinite(score) ? String(score) : score > 0 ? 'inf' : '-inf'

/** By score, then by the bytes of the member: UTF-16 would order some characters otherwise. */
export const compareMembers = (a: [string, number], b: [string, number]): number =>
  a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]))

/** Ranks from..to, both included, negative ones from the end; for Array.slice of `size` items. */
export function rankRange(start: string, stop: string): (size: number) => [number, number] {
  const first = Number(parseInteger(start))
  const last = Number(parseInteger(stop))
  return (size) => {
    const from = Math.max(0, first < 0 ? size + first : first)
    const to = last < 0 ? size + last : last
    return [from, Math.max(from, to + 1)]
  }
}
