/**
 * Whatever anybody sends, twice as much of it is at most twice the work: texts of many forms, each
 * in four sizes, through every place where one comes in. Work is counted, never timed.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matching } from './regexp_steps.ts'
import { workOf } from './work.ts'
import { sample, SEED, shareOf } from '../support/share.ts'

const { INPUTS, pipelined } = await import('./inputs.ts')
type Input = (text: string) => unknown

const TEXTS = shareOf(60)
const SIZE = 512
/** What each character may take in any case: a text that gets past one more check takes more. */
const STEPS_PER_CHARACTER = 40

/** A text of about this many characters: this before, that repeated, this behind. */
type Form = [before: string, repeated: string | ((n: number) => string), behind: string]

function textOf([before, repeated, behind]: Form, size: number): string {
  if (typeof repeated === 'string') {
    return before + repeated.repeat(Math.ceil(size / repeated.length)) + behind
  }
  const count = Math.ceil(size / repeated(1_000_000).length)
  return before + Array.from({ length: count }, (_, n) => repeated(n)).join(',') + behind
}

/** What it takes in three sizes, each twice the one before, if it grows faster than they do. */
async function excess(input: Input, form: Form, size = SIZE): Promise<string | undefined> {
  const run = async (text: string) => {
    try {
      await input(text)
    } catch {
      // Refused.
    }
  }
  // What is made once isn't counted: twice the length is twice what comes on top of it.
  for (const length of [1, size]) await run(textOf(form, length))
  let work: number[] = []
  // What else runs in this process is counted, too: what is too much is so each time.
  for (let time = 0; time < 3; time++) {
    work = []
    for (const factor of [1, 2, 4]) {
      const text = textOf(form, factor * size)
      work.push(await workOf(() => run(text)))
    }
    const [first, second, third] = work as [number, number, number]
    const before = Math.max(second - first, STEPS_PER_CHARACTER * size)
    if (third < Infinity && third - second <= 3 * before) return undefined
  }
  return work.join(' ')
}

const LISTS: Form[] = [
  ['', (n) => `"${n}":1`, ''],
  ['{', (n) => `"${n}":1`, '}'],
  ['{', (n) => `"a${n}":1`, '}'],
  ['', (n) => `{"user_id":${n + 1},"amount":1}`, ''],
  ['', (n) => `{"user_id":${n + 1},"amount":1,"x${n}":1}`, ''],
  ['[', (n) => `["get","${n}"]`, ']'],
  ['["zadd","a",', (n) => `"${n}","${n}"`, ']'],
]
const NUMBERS: Form[] = [
  ['1.', '0', '1'],
  ['1', '0', '.01'],
  ['-', '0', ''],
  ['0.', '01', ''],
  ['1e', '0', '1'],
  ['1e-', '1', ''],
]
const PARTS =
  '0 1 9 a - + . , : ; / = % \\ " { } [ ] ( ~ é ? # & @ _ * | \\" \\\\ [{ {"a": [[ ],[ 1, "",'
    .split(' ').concat(
      [' ', '\t', '0.', 'e1', '::', '%20', 'Bearer ', 'no-cache', ';q=0.1,', 'text/csv,'],
      ['application/', 'json', 'a=b;', '00-', 'inf'],
    )

const part = fc.constantFrom('', ...PARTS)
const form: fc.Arbitrary<Form> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(part, fc.constantFrom(...PARTS), part) },
  { weight: 1, arbitrary: fc.constantFrom(...LISTS) },
  { weight: 1, arbitrary: fc.constantFrom(...NUMBERS) },
)

test('no text anywhere takes more than its length in work', async () => {
  const chosen = fc.sample(fc.tuple(fc.constantFrom(...INPUTS), form), {
    numRuns: TEXTS,
    seed: SEED,
  })
  const found: unknown[] = []
  for (const [[name, input], one] of chosen) {
    const work = await excess(input, one)
    if (work) found.push([name, textOf(one, 40), work])
  }
  expect(found, `LEDGER_TEST_SEED=${SEED}`).toEqual([])
})

const BODIES = /^POST \/(debits.*it in a list|users\/:id\/debit.*it as (an amount|members.*))$/
const bodies = INPUTS.filter(([name]) => BODIES.test(name))

test('no body of many numbers, or with a long one, takes more than its length', async () => {
  expect(bodies).toHaveLength(3)
  for (const form of sample('forms', [...LISTS, ...NUMBERS], 4)) {
    for (const [name, input] of bodies) {
      expect(await excess(input, form, 4 * SIZE), `${name}: ${textOf(form, 40)}`).toBeUndefined()
    }
  }
})

test('many requests one behind the other take no more than each alone', async () => {
  expect(await excess(pipelined, ['', 'x', ''])).toBeUndefined()
})

test.each<[string, Input]>([
  ['a regular expression that tries from each place', (text) => text.replace(/0+$/, '')],
  ['one that tries all ways to part a text', (text) => /^0*0*2$/.test(text)],
  ['a text that is taken apart again and again', (text) => {
    for (let rest = text; rest !== ''; rest = rest.slice(1));
  }],
  ['a list that is searched for each of its items', (text) => {
    const seen: number[] = []
    for (let n = 0; n < text.length; n++) if (!seen.includes(n)) seen.push(n)
  }],
  ['names of digits in a set', (text) => {
    const seen = new Set<string>()
    for (let n = 0; n < text.length; n++) seen.add(String(n * 131_072))
  }],
])('the count sees %s', async (_, input) => {
  expect(await excess(input, ['', '0', '1'])).toBeDefined()
})

test('steps are counted on the way to the match that the runtime finds', () => {
  const char = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w')
  const place = fc.constantFrom('\\b', '^', '$', '(?!a)')
  const repeat = fc.constantFrom('', '*', '+', '?', '*?', '{2}', '{1,2}', '{1,}?')
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      place,
      fc.tuple(char, repeat).map((parts) => parts.join('')),
      fc.tuple(tie('tree'), tie('tree')).map((parts) => parts.join('')),
      fc.tuple(tie('tree'), tie('tree')).map((parts) => `(?:${parts.join('|')})`),
      fc.tuple(tie('tree'), repeat).map(([one, sign]) => `(${one})${sign}`),
    ),
  }))
  const flags = fc.constantFrom('', 'g', 'y', 'i', 'u', 'm')
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '\n', '😀'), maxLength: 8 })
  fc.assert(
    fc.property(tree, flags, text, (source, flags, text) => {
      const pattern = new RegExp(source, flags)
      const { found, steps } = matching(pattern, text)
      const match = pattern.exec(text)
      expect(found).toEqual(match ? [match.index, match.index + match[0].length] : undefined)
      expect(steps).toBeGreaterThan(0)
    }),
    { seed: SEED, numRuns: 500 },
  )
})
