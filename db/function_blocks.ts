/**
 * Functions as migrations hold them: the text of db/functions/x.sql between the lines
 * `-- function: x` and `-- end function`.
 */
import { readdirSync, readFileSync } from 'node:fs'

const BLOCK = /^-- function: (\w+)\n([\s\S]*?)^-- end function$/gm

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
    for (const [, name, text] of up!.matchAll(BLOCK)) blocks.set(name!, text!.trim())
  }
  return blocks
}

/** The names of db/functions, sorted. */
export function listFunctions(folder: string): string[] {
  return readdirSync(`${folder}/functions`).filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4)).sort()
}

export function readFunction(folder: string, name: string): string {
  return readFileSync(`${folder}/functions/${name}.sql`, 'utf8').trim()
}
