import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'
import { onDeno } from '../support/service.ts'

interface Package {
  scripts: Record<string, string>
  engines: { node: string }
}
const { scripts, engines } = JSON.parse(
  await readFile(`${PROJECT}/package.json`, 'utf8'),
) as Package
const commands = Object.entries(scripts).filter(([, script]) => script.includes('tsx'))

test.each(commands)('npm run %s looks at the version of Node before all else', (_, script) => {
  expect(script).toMatch(
    /^(exec )?node (--max-semi-space-size=\d+ )?--require .\/src\/node_version.cjs --import tsx /,
  )
})

test.skipIf(onDeno).each(['18.20.8', '20.18.3', '19.9.0'])(
  'Node %s is told in one line what it takes (needs Node)',
  async (version) => {
    const folder = await mkdtemp(join(tmpdir(), 'ledger-node-'))
    const old = join(folder, 'old.cjs')
    const fake = { ...process.versions, node: version }
    await writeFile(
      old,
      `Object.defineProperty(process, 'versions', { value: ${JSON.stringify(fake)} })`,
    )
    const args = scripts['start']!.split(' ').slice(2)
    const run = spawnSync(process.execPath, ['--require', old, ...args], {
      cwd: PROJECT,
      encoding: 'utf8',
    })
    await rm(folder, { recursive: true })
    expect([run.status, run.stdout, run.stderr]).toEqual([
      1,
      '',
      `Node ${version} is too old: this needs ${engines.node.replace('>=', '')} or newer\n`,
    ])
  },
)

test.skipIf(onDeno)('this Node is let through (needs Node)', () => {
  const args = ['--require', './src/node_version.cjs', '--eval', 'console.log(1)']
  expect(execFileSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8' })).toBe('1\n')
})
