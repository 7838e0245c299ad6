/**
 * Functions as migrations hold them: the text of db/functions/<folder>/x.sql between the lines
 * `-- function: x` and `-- end function`.
 */
import { readdirSync, readFileSync } from 'node:fs'

const BLOCK = /^-- function: (\w+)\n([\s\S]*?)^-- end function$/gm

/** Puts the text of a function between the two lines that mark it in a migration. */
export const frame = (name: string, text: string): string =>
  `-- function: ${name}\n${text.trim()}\n-- end function`

/** File names of migrations, oldest first. */
export function listMigrations(folder: string): string[] {
  return readdirSync(`${folder}/migrations`).filter((file) => /^\d{14}_\w+\.sql$/.test(file)).sort()
}

/** The newest text of each function in what the migrations apply; what they undo doesn't count. */
export function readBlocks(folder: string): Map<string, string> {
  const blocks = new Map<string, string>()
  for (const file of listMigrations(folder)) {
    const [up] = readFileSync(`${folder}/migrations/${file}`, 'utf8').split(/^-- migrate:down/m)
    for (const [, name, text] of up!.matchAll(BLOCK)) {
      // Empty: it drops the function.
      if (text!.trim()) blocks.set(name!, text!.trim())
      else blocks.delete(name!)
    }
  }
  return blocks
}

/** The path of each file in db/functions, by the name of its function, sorted by name. */
function functionFiles(folder: string): Map<string, string> {
  const files = readdirSync(`${folder}/functions`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sql'))
    .map((file): [string, string] => [
      file.replace(/^.*[\\/]|\.sql$/g, ''),
      `${folder}/functions/${file}`,
    ])
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The text of each file in db/functions, by the name of its function, sorted by name. */
export const readFunctions = (folder: string): Map<string, string> =>
  new Map([...functionFiles(folder)].map(([name, file]) => [name, read(file)]))

/** @throws Error if there is no such file */
export function readFunction(folder: string, name: string): string {
  const file = functionFiles(folder).get(name)
  if (!file) throw new Error(`${folder}/functions has no ${name}.sql`)
  return read(file)
}

const read = (file: string) => readFileSync(file, 'utf8').trim()
