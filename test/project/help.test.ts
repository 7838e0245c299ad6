import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeCommand, run, typeScriptCommand } from '../support/run_typescript.ts'
import { onDeno } from '../support/service.ts'
import { sample } from '../support/share.ts'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>
}
/** Every command that is a program of this project. */
const commands = Object.values(scripts)
  .flatMap((text) => /node .*--import tsx (\S+\.ts)$/.exec(text)?.[1] ?? [])
  .concat('src/deno.ts')
  .filter((file) => file !== (onDeno ? 'src/node.ts' : 'src/deno.ts'))
const taken = sample('commands', commands)

const commandsPage = readFileSync('docs/reference/commands.md', 'utf8')

/** Each is followed by what it means. */
const codesOf = (text: string) => [...text.matchAll(/\b\d(?= \w)/g)].map(([code]) => code)

/** Without any setting, so that none can do anything. */
async function call(file: string, ...args: string[]) {
  // The load comes from Node, whatever the service runs on.
  const command = file.startsWith('test/') ? nodeCommand(file) : typeScriptCommand(file)
  const process_ = run([...command, ...args], {})
  return { code: await process_.ended, output: process_.output() }
}

test.each(taken)('%s --help says what it takes, and what its exit codes mean', async (file) => {
  for (const option of ['--help', '-h']) {
    const { code, output } = await call(file, option)
    expect([code, output]).toEqual([
      0,
      expect.stringMatching(/^usage: npm (start|run [\w:]+)[\s\S]+\nexit codes: 0 .+, [12] .+\n$/),
    ])
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const name = /^usage: (npm (?:start|run [\w:]+))/.exec(output)![1]!
    const row = commandsPage.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? name
    expect(codesOf(row.split('|').at(-2)!)).toEqual(codesOf(output.split('exit codes:')[1]!))
  }
})

test.each(taken)('%s does nothing with an argument that it does not know', async (file) => {
  const { code, output } = await call(file, '--no-such-option')
  expect(code).toBeTypeOf('number')
  expect(code).toBeGreaterThan(0)
  expect(output).toContain('--no-such-option')
  expect(output).not.toMatch(/^ +at /m)
})
