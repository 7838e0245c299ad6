/** How print_schema.ts prints what it finds, in lines that fit. */

const WIDTH = 100

export interface Table {
  name: string
  comment: string | null
  options: string | null
  columns: { text: string; comment: string | null }[]
  constraints: string[]
  rest: string[]
}

export interface Row {
  text: string
  comment: string | null
}

export interface Function extends Row {
  result: string
  kind: string
  roles: string | null
}

/** As comments of SQL, in lines that fit. */
function commented(text: string | null, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text?.split(/\s+/) ?? []) {
    if (line && `${indent}-- ${line} ${word}`.length > WIDTH) {
      lines.push(line)
      line = word
    } else {
      line = line ? `${line} ${word}` : word
    }
  }
  if (line) lines.push(line)
  return lines.map((one) => `${indent}-- ${one}`)
}

/** A statement as PostgreSQL prints it, in one line if it fits, else before its parts, too. */
const wrapped = (text: string): string =>
  text.length <= WIDTH ? text : text.replace(/ (?=(?:ON|WHERE|WHEN|EXECUTE) )/g, '\n  ')

/** A list in brackets: in one line if it fits, else one to a line. */
function bracketed(head: string, items: string[], tail: string): string {
  const line = `${head}(${items.join(', ')})${tail}`
  return line.length <= WIDTH ? line : `${head}(\n  ${items.join(',\n  ')})${tail}`
}

/** A table with its constraints, indexes, triggers and grants. */
export function tableText({ name, comment, options, columns, constraints, rest }: Table): string {
  const members = [...columns, ...constraints.map((text) => ({ text, comment: null }))]
  return [
    ...commented(comment),
    `create table ${name} (`,
    ...members.flatMap((one, n) => [
      ...commented(one.comment, '  '),
      `  ${one.text}${n < members.length - 1 ? ',' : ''}`,
    ]),
    ...(options ? [bracketed(') with ', options.split(','), ';')] : [');']),
    ...rest.map(wrapped),
  ].join('\n')
}

/** A function without its body. */
export const functionText = ({ text, comment, result, kind, roles }: Function): string => {
  const [, name, args] = /^(.*?)\((.*)\)$/s.exec(text)!
  const head = bracketed(`create function ${name}`, args ? args.split(', ') : [], '')
  const [, columns] = /^TABLE\((.*)\)$/.exec(result) ?? []
  return [
    ...commented(comment),
    head,
    columns ? bracketed('  returns table ', columns.split(', '), '') : `  returns ${result}`,
    `  ${kind};`,
    ...(roles ? [`grant execute on function ${name} to ${roles};`] : []),
  ].join('\n')
}

/** A type or a domain. */
export function typeText({ text, comment }: Row): string {
  const [, head, members] = /^(create type .* as )\((.*)\);$/s.exec(text) ?? []
  const printed = head ? bracketed(head, members!.split(', '), ';') : text
  return [...commented(comment), printed].join('\n')
}

/** What is printed as it is. */
export const plainText = ({ text, comment }: Row): string =>
  [...commented(comment), text].join('\n')
