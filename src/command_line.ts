/**
 * What every command does with its arguments: it answers `--help`, and refuses what it does not
 * know.
 */

/**
 * Prints the help text if `--help` or `-h` is among the arguments.
 * @returns whether it did
 */
export function printedHelp(help: string, args: string[]): boolean {
  if (!args.some((arg) => arg === '--help' || arg === '-h')) return false
  console.log(help.trim())
  return true
}

/** How many there are, in words: `no users`, `1 user`, `2 users`. */
export const counted = (count: number | string, one: string, several = `${one}s`): string =>
  `${Number(count) || 'no'} ${Number(count) === 1 ? one : several}`

/** @throws Error with one line if a command that takes no arguments was given some */
export function takeNoArguments([first]: string[]): void {
  if (first !== undefined) throw new Error(`${first} is not known here: --help says what is`)
}
