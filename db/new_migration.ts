/**
 * `npm run db:new change_x` freezes every file of db/functions that differs from what the
 * migrations hold into one migration that can be undone, drops what has no file any more, and is
 * the place to write whatever else changes. Without such a function it is an empty one.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { printedHelp } from '../src/command_line.ts'
import { frame, listMigrations, readBlocks, readFunctions } from './function_blocks.ts'

const VERSION_FILE = 'src/ledger/schema_version.ts'
const HELP = `
usage: npm run db:new VERB_OBJECT

Makes a migration and prints its path. It freezes every file of db/functions that differs from what
the migrations hold, and drops the functions whose files are gone; without any it is empty. Writes
its version into ${VERSION_FILE}, too.

exit codes: 0 there is a migration, 1 there is none, for the reason in one line`

export interface MigrationRequest {
  /** verb_object, in snake case. */
  name: string
  /** Where functions/ and migrations/ are. */
  folder: string
  now: Date
}

/**
 * Writes a migration and returns its path.
 * @throws Error with one line that says what is wrong; then nothing was written
 */
export function newMigration({ name, folder, now }: MigrationRequest): string {
  if (!/^[a-z]+(_[a-z0-9]+)+$/.test(name)) {
    throw new Error(`${name} is not a verb and an object in snake case, such as replace_debit_user`)
  }
  const before = readBlocks(folder)
  const texts = readFunctions(folder)
  const names = [...new Set([...texts.keys(), ...before.keys()])].sort()
  const changes = names.flatMap((x) => change(x, texts.get(x), before.get(x)) ?? [])
  // Functions name functions that come later.
  const unchecked = changes.length > 1 ? ['set local check_function_bodies = off;'] : []
  const path = `${folder}/migrations/${nextVersion(folder, now)}_${name}.sql`
  writeFileSync(
    path,
    [
      '-- migrate:up',
      ...unchecked,
      ...changes.map(({ up }) => up),
      '-- migrate:down',
      ...unchecked,
      ...changes.map(({ down }) => down).reverse(),
    ].join('\n\n') + '\n',
    { flag: 'wx' },
  )
  return path
}

/** What a migration does for one function, and what undoes it; undefined: nothing has changed. */
function change(name: string, file: string | undefined, before: string | undefined) {
  const text = file ?? ''
  if (text === (before ?? '')) return undefined
  const created = declarations(name, text)
  if (file !== undefined && created.length === 0) {
    throw new Error(`${name}.sql creates no function ${name}`)
  }
  if (before === undefined) return { up: frame(name, text), down: dropAll(created) }
  const replaced = declarations(name, before)
  // A block without text: readBlocks then holds none for a function that is gone.
  if (file === undefined) {
    return { up: `${dropAll(replaced)}\n\n${frame(name, '')}`, down: frame(name, before) }
  }
  // With other arguments `create or replace` would leave the old function beside the new one, and
  // with another result it fails.
  const same = created.map(String).join() === replaced.map(String).join()
  return {
    up: (same ? '' : dropAll(replaced) + '\n\n') + frame(name, text),
    down: (same ? '' : dropAll(created) + '\n\n') + frame(name, before),
  }
}

/**
 * Of each function of this name: its name with the schema, its arguments without defaults, its
 * result.
 */
function declarations(name: string, text: string): [name: string, args: string, result: string][] {
  const uncommented = text.replace(/--.*$/gm, '')
  const pattern = new RegExp(`create (?:or replace )?function ((?:\\w+\\.)?${name})\\s*\\(`, 'g')
  return [...uncommented.matchAll(pattern)]
    .map(({ index, 0: head, 1: qualified }) => {
      const start = index + head.length
      const args = splitArguments(uncommented.slice(start))
      const rest = uncommented.slice(start + args.join(',').length)
      const result = /^\)\s*returns\s+([\s\S]*?)\s+(?:language|as)\s/.exec(rest)?.[1] ?? ''
      const bare = args.map((arg) => arg.replace(/(\sdefault\s|=)[\s\S]*$/, ''))
      return [qualified!, oneLine(bare.join(',')), oneLine(result)]
    })
}

/** Splits at commas, up to the bracket that closes the list, but not inside brackets or quotes. */
function splitArguments(text: string): string[] {
  const args = ['']
  let depth = 0
  for (const [token] of text.matchAll(/'[^']*'|[^']/g)) {
    if (token === ')' && depth === 0) return args
    if (token === '(' || token === '[') depth++
    if (token === ')' || token === ']') depth--
    if (token === ',' && depth === 0) args.push('')
    else args[args.length - 1] += token
  }
  throw new Error('a list of arguments has no end')
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').replace(/ ?, ?/g, ', ').trim()

const dropAll = (created: [name: string, args: string, result: string][]) =>
  created.map(([name, args]) => `drop function ${name}(${args});`).join('\n')

/** The version of a migration made now; one second after the newest if clocks disagree. */
function nextVersion(folder: string, now: Date): string {
  const newest = listMigrations(folder).at(-1)?.slice(0, 14) ?? ''
  const version = toVersion(now)
  if (version > newest) return version
  const [, date, h, m, s] = /^(\d{8})(\d\d)(\d\d)(\d\d)$/.exec(newest)!
  const day = date!.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')
  return toVersion(new Date(Date.parse(`${day}T${h}:${m}:${s}Z`) + 1000))
}

const toVersion = (at: Date) => at.toISOString().replace(/\D/g, '').slice(0, 14)

if (
  process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url) &&
  !printedHelp(HELP, process.argv.slice(2))
) {
  const [name = ''] = process.argv.slice(2)
  try {
    const path = newMigration({ name, folder: 'db', now: new Date() })
    const [version] = /\d{14}/.exec(path)!
    const before = readFileSync(VERSION_FILE, 'utf8')
    writeFileSync(VERSION_FILE, before.replace(/(?<= = ')\d{14}/, version))
    console.log(path)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
