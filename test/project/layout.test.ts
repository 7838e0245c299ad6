/** The layout of src: which folder may import from which, and who knows the runtime. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'

/** A folder imports from itself and from those before it; the entries, beside them, from all. */
const FOLDERS = [
  'core',
  'config',
  'telemetry',
  'database',
  'cache',
  'ledger',
  'webhooks',
  'http',
  'auth',
  'app',
  'server',
]
/** Besides the server: what starts a process, and reads its arguments and its environment. */
const KNOW_THE_RUNTIME = [
  'src/command_line.ts',
  'src/deno.ts',
  'src/env_file.ts',
  'src/password_file.ts',
  'src/main.ts',
  'src/node.ts',
  'src/node_version.cjs',
  'src/page_files.ts',
  'src/regular_file.ts',
]

interface Import {
  from: string
  /** A file of this project, by its path; or the name of a package. */
  to: string
}

const IMPORT = /(?:^import|^\} from|^export .* from|\bimport\()[^'"\n]*['"]([^'"\n]+)['"]/gm
const files = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('src', file))
  .filter((file) => /\.[cm]?ts$/.test(file))
const imports = files.flatMap((from) =>
  [...readFileSync(join(PROJECT, from), 'utf8').matchAll(IMPORT)].map(([, name]): Import => ({
    from,
    to: name!.startsWith('.') ? normalize(join(dirname(from), name!)) : name!,
  }))
)

/** How far up a file is. */
function levelOf(file: string): number {
  const [, folder, ...rest] = file.split('/')
  return rest.length === 0 ? FOLDERS.length : FOLDERS.indexOf(folder!)
}

/** The names on a circle, in its order; undefined if there is none. */
function circleOf(edges: Map<string, Set<string>>): string[] | undefined {
  const done = new Set<string>()
  function visit(name: string, path: string[]): string[] | undefined {
    if (path.includes(name)) return path.slice(path.indexOf(name))
    if (done.has(name)) return undefined
    for (const next of edges.get(name) ?? []) {
      const circle = visit(next, [...path, name])
      if (circle) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of edges.keys()) {
    const circle = visit(name, [])
    if (circle) return circle
  }
  return undefined
}

test('every folder of src has its place in the list', () => {
  const folders = new Set(
    files.map((file) => file.split('/')).filter((path) => path.length > 2)
      .map(([, folder]) => folder!),
  )
  expect([...folders].toSorted()).toEqual(FOLDERS.toSorted())
})

test('src imports files of src, and they are there', () => {
  // Whoever reads no imports finds nothing wrong with them.
  expect(imports.length).toBeGreaterThan(files.length)
  const own = imports.filter(({ to }) => /\.[cm]?ts$/.test(to))
  expect(own.filter(({ to }) => !files.includes(to))).toEqual([])
})

test('imports go down the list of folders only', () => {
  const up = imports.filter(({ from, to }) => to.startsWith('src/') && levelOf(to) > levelOf(from))
  expect(up).toEqual([])
})

test('no files import each other in a circle, types included', () => {
  const edges = new Map<string, Set<string>>(files.map((file) => [file, new Set<string>()]))
  for (const { from, to } of imports) edges.get(from)!.add(to)
  expect(circleOf(edges)).toBeUndefined()
})

test('a circle is found', () => {
  const edges = new Map([['a', new Set(['b'])], ['b', new Set(['c'])], ['c', new Set(['b'])]])
  expect(circleOf(edges)).toEqual(['b', 'c'])
})

test('only the entries and the server know the runtime', () => {
  const known = imports.filter(({ to }) => to.startsWith('node:')).map(({ from }) => from)
  expect(
    known.filter((file) => !file.startsWith('src/server/') && !KNOW_THE_RUNTIME.includes(file)),
  )
    .toEqual([])
})

test('every function that src, dev or db exports has a docstring', () => {
  const sources = ['src', 'dev', 'db']
    .flatMap((folder) =>
      readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
        .map((file) => join(folder, file))
    )
    .filter((file) => file.endsWith('.ts'))
  expect(sources.length).toBeGreaterThan(100)
  // A constant is a function if its value begins with parameters.
  const isFunction =
    /^export (?:async )?function|^export const \w+(?:: [^=]+)? =\s(?:async )?(?:\(|<|\w+ =>)/
  const without: string[] = []
  for (const file of sources) {
    const lines = readFileSync(join(PROJECT, file), 'utf8').split('\n')
    lines.forEach((line, n) => {
      if (isFunction.test(line) && !lines[n - 1]?.endsWith('*/')) without.push(`${file}:${n + 1}`)
    })
  }
  expect(without).toEqual([])
})
