/**
 * `npm run db:new replace_debit_user` freezes db/functions/debit_user.sql into a migration that can
 * be undone. `npm run db:new add_holds place_hold release_hold` takes several functions; a name
 * that is neither create_x nor replace_x, without functions, gives an empty migration.
 */
import { existsSync, realpathSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { frame, listMigrations, readBlocks, readFunction } from './function_blocks.ts'

export interface MigrationRequest {
  /** verb_object, in snake case. */
  name: string
  /** Which functions to freeze; by default the x of create_x or replace_x. */
  functions?: string[]
  /** Where functions/ and migrations/ are. */
  folder: string
  now: Date
}

/**
 * Writes a migration and returns its path.
 * @throws Error with one line that says what is wrong; then nothing was written
 */
export function newMigration({ name, functions = [], folder, now }: MigrationRequest): string {
  if (!/^[a-z]+(_[a-z0-9]+)+$/.test(name)) {
    throw new Error(`${name} is not a verb and an object in snake case, such as replace_debit_user`)
  }
  const [, verb, object] = /^(create|replace)_(\w+)$/.exec(name) ?? []
  const frozen = functions.length === 0 && object ? [object] : functions
  const before = readBlocks(folder)
  if (verb && functions.length === 0 && before.has(object!) !== (verb === 'replace')) {
    throw new Error(
      verb === 'replace'
        ? `no migration holds ${object}: use create_${object}`
        : `a migration holds ${object} already: use replace_${object}`,
    )
  }
  const changes = frozen.map((x) => change(folder, x, before.get(x)))
  const path = `${folder}/migrations/${nextVersion(folder, now)}_${name}.sql`
  writeFileSync(
    path,
    [
      '-- migrate:up',
      ...changes.map(({ up }) => up),
      '-- migrate:down',
      ...changes.map(({ down }) => down).reverse(),
    ].join('\n\n') + '\n',
    { flag: 'wx' },
  )
  return path
}

/** What a migration does for one function, and what undoes it. */
function change(folder: string, name: string, before: string | undefined) {
  const file = `${folder}/functions/${name}.sql`
  if (!existsSync(file)) throw new Error(`${file} doesn't exist`)
  const text = readFunction(folder, name)
  if (text === before) throw new Error(`${file} is what the migrations hold already`)
  const created = declarations(name, text)
  if (created.length === 0) throw new Error(`${file} creates no function ${name}`)
  if (before === undefined) return { up: frame(name, text), down: dropAll(name, created) }
  const replaced = declarations(name, before)
  // With other arguments `create or replace` would leave the old function beside the new one, and
  // with another result it fails.
  const same = created.map(String).join() === replaced.map(String).join()
  return {
    up: (same ? '' : dropAll(name, replaced) + '\n\n') + frame(name, text),
    down: (same ? '' : dropAll(name, created) + '\n\n') + frame(name, before),
  }
}

/** Of each function of this name in a text: its arguments without defaults, and its result. */
function declarations(name: string, text: string): [args: string, result: string][] {
  const uncommented = text.replace(/--.*$/gm, '')
  return [...uncommented.matchAll(new RegExp(`create (or replace )?function ${name}\\s*\\(`, 'g'))]
    .map(({ index, 0: head }) => {
      const start = index + head.length
      const args = splitArguments(uncommented.slice(start))
      const rest = uncommented.slice(start + args.join(',').length)
      const result = /^\)\s*returns\s+([\s\S]*?)\s+(?:language|as)\s/.exec(rest)?.[1] ?? ''
      const bare = args.map((arg) => arg.replace(/(\sdefault\s|=)[\s\S]*$/, ''))
      return [oneLine(bare.join(',')), oneLine(result)]
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

const dropAll = (name: string, created: [args: string, result: string][]) =>
  created.map(([args]) => `drop function ${name}(${args});`).join('\n')

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

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [name = '', ...functions] = process.argv.slice(2)
  try {
    console.log(newMigration({ name, functions, folder: 'db', now: new Date() }))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
