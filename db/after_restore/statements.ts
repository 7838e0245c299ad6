/** What the migrations say of rights and guards, which a dump may lack and a restore may change. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Stated {
  /** Each grant and revoke for one object, in order. */
  rights: string[]
  /** What `rights` are about, with their schemas. */
  functions: string[]
  tables: string[]
  schemas: string[]
  /** Tables that the migrations make, with their schemas. */
  created: string[]
  /** Table and trigger, of triggers that nobody gets past. */
  always: [table: string, trigger: string][]
}

/** Comments, bodies of functions and texts: they may have anything in them. */
const QUOTED = /--.*$|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|'(?:[^']|'')*'/gm
/** A block that does one statement after the other. */
const BLOCK = /^do \$\$\nbegin\n([\s\S]*?)^end \$\$;$/gm
const RIGHTS = new RegExp(
  '^(?<start>(?:grant|revoke) .+?) on (?<kind>function |schema |table )?' +
    '(?<list>.+?) (?<end>(?:to|from) [^()]+)$',
)

/**
 * Reads what the migrations say of rights, tables and triggers.
 * @param migrations the folder of migrations
 */
export function readStatements(migrations: string): Stated {
  const stated: Stated = {
    rights: [],
    functions: [],
    tables: [],
    schemas: [],
    created: [],
    always: [],
  }
  for (const file of readdirSync(migrations).filter((file) => file.endsWith('.sql')).sort()) {
    const [up] = readFileSync(`${migrations}/${file}`, 'utf8').split(/^-- migrate:down/m)
    for (const part of up!.replace(BLOCK, '$1').replace(QUOTED, '').split(';')) {
      addStatement(stated, part.trim().replace(/\s+/g, ' ').toLowerCase())
    }
  }
  return stated
}

function addStatement(stated: Stated, text: string): void {
  const table = /^(?:create table (?:if not exists )?|alter table )([\w.]+)/.exec(text)?.[1]
  if (table && text.startsWith('create')) stated.created.push(withSchema(table))
  for (const [, trigger] of table ? text.matchAll(/enable always trigger (\w+)/g) : []) {
    stated.always.push([withSchema(table!), trigger!])
  }
  const { start, kind = '', list, end } = RIGHTS.exec(text)?.groups ?? {}
  if (!start) return
  // Each by itself: the object of one may be gone by now.
  for (const object of list!.split(/, ?(?![^(]*\))/)) {
    stated.rights.push(`${start} on ${kind}${object} ${end}`)
    const name = object.replace(/\(.*$/, '')
    if (kind === 'schema ') stated.schemas.push(name)
    else if (kind === 'function ') stated.functions.push(withSchema(name))
    else stated.tables.push(withSchema(name))
  }
}

const withSchema = (name: string): string => name.includes('.') ? name : `public.${name}`
