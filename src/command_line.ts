/** What commands have in common when they are called: `--help`, and nothing else unknown. */

/** Whether `--help` is among the arguments, and was answered. */
export function printedHelp(help: string, args: string[]): boolean {
  if (!args.some((arg) => arg === '--help' || arg === '-h')) return false
  console.log(help.trim())
  return true
}

/** @throws Error with one line if a command that takes no arguments was given some */
export function takeNoArguments([first]: string[]): void {
  if (first !== undefined) throw new Error(`${first} is not known here: --help says what is`)
}
