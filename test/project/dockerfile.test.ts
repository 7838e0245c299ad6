import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { commandOf, instructionsOf, readStages } from '../support/dockerfile.ts'

const stages = readStages()
const services = stages.filter(({ name }) => name !== 'build')
const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as {
  devDependencies: Record<string, string>
}
const denoJson = JSON.parse(readFileSync('deno.json', 'utf8')) as {
  tasks: Record<string, string | { command: string }>
}

/** The paths that a stage takes from this folder. */
const sources = (stage: (typeof stages)[number]) =>
  instructionsOf(stage, 'COPY').filter((text) => !text.startsWith('--from=')).flatMap((text) =>
    text.split(' ').slice(0, -1)
  )

test('the default target is node, after build and deno', () => {
  expect(stages.map(({ name }) => name)).toEqual(['build', 'deno', 'node'])
})

test('node strips types by itself, deno is the version that tests run', () => {
  const image = Object.fromEntries(stages.map((stage) => [stage.name, stage.image]))
  expect(Number(/^node:(\d+)-slim$/.exec(image['node']!)?.[1])).toBeGreaterThanOrEqual(24)
  expect(image['build']).toBe(image['node'])
  expect(image['deno']).toBe(`denoland/deno:${packageJson.devDependencies['deno']}`)
})

test('.dockerignore lets through what the stages copy, and no more', () => {
  const [first, ...rules] = readFileSync('.dockerignore', 'utf8')
    .split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(first).toBe('*')
  const kept = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1))
  const copied = new Set(stages.flatMap(sources))
  expect(new Set([...copied].map((path) => path.split('/')[0]))).toEqual(
    new Set(kept.map((path) => path.split('/')[0])),
  )
  for (const rule of rules) expect(existsSync(rule.replace('!', '')), rule).toBe(true)
})

describe.each(services)('target $name', (stage) => {
  test('copies what exists', () => {
    for (const path of sources(stage)) expect(existsSync(path), path).toBe(true)
    for (const text of instructionsOf(stage, 'COPY')) {
      const from = /^--from=(\S+)/.exec(text)?.[1]
      if (from) expect(stages.map(({ name }) => name)).toContain(from)
    }
  })

  test('runs a file that it copied', () => {
    const file = commandOf(stage).at(-1)!
    expect(existsSync(file), file).toBe(true)
    expect(sources(stage).some((path) => file === path || file.startsWith(`${path}/`))).toBe(true)
  })

  test('copies what the files that it copies import', () => {
    const copied = sources(stage)
    const files = copied.flatMap((path) =>
      statSync(path).isDirectory()
        ? readdirSync(path, { recursive: true, encoding: 'utf8' }).map((file) => join(path, file))
        : path
    )
    for (const path of files.filter((path) => path.endsWith('.ts'))) {
      for (const [, file] of readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
        const imported = join(dirname(path), file!)
        const isCopied = copied.some((one) => imported === one || imported.startsWith(`${one}/`))
        expect(isCopied, `${imported} of ${path}`).toBe(true)
      }
    }
  })

  test('runs without the rights of root', () => {
    expect(instructionsOf(stage, 'USER')).toEqual([stage.name])
  })

  test('exposes the default port, on all addresses', () => {
    expect(instructionsOf(stage, 'EXPOSE')).toEqual([String(loadConfig({}).port)])
    expect(instructionsOf(stage, 'ENV').join(' ').split(' ')).toContain('HOST=0.0.0.0')
  })

  test('asks /readyz whether it is healthy', () => {
    const [check] = instructionsOf(stage, 'HEALTHCHECK')
    const command = JSON.parse(check!.slice(check!.indexOf('CMD ') + 4)) as string[]
    expect(command[0]).toBe(stage.name)
    expect(command.at(-1)).toContain('/readyz`')
    expect(command.at(-1)).toContain(`|| ${loadConfig({}).port}}`)
  })
})

test('target deno has the permissions of the task serve', () => {
  const task = denoJson.tasks['serve']!
  const command = typeof task === 'string' ? task : task.command
  expect(commandOf(stages.find(({ name }) => name === 'deno')!).join(' ')).toBe(command)
})
