import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeLock } from '../../dev/launcher_lock.ts'
import { processStart } from '../../dev/processes.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a lock is taken, refused and given back, and leaves no file', async () => {
  const release = await takeLock(folder)
  await expect(takeLock(folder, 0)).rejects.toThrow(`DATA_DIR is in use: process ${process.pid}`)
  await release()
  await (await takeLock(folder))()
  expect(await readdir(folder)).toEqual([])
})

test('the lock of a live process is waited for, then refused by its id', async () => {
  const other = spawn('sleep', ['60'])
  await new Promise((resolve) => other.once('spawn', resolve))
  await writeFile(join(folder, 'lock'), `${other.pid} ${await processStart(other.pid!)}`)
  await expect(takeLock(folder, 300)).rejects.toThrow(`DATA_DIR is in use: process ${other.pid}`)

  const lines: string[] = []
  const taken = takeLock(folder, 20_000, (line) => lines.push(line))
  await expect.poll(() => lines).toEqual([
    `waiting for process ${other.pid}, which runs PostgreSQL in ${folder}, to end`,
  ])
  other.kill('SIGKILL')
  await (await taken)()
})

test.each([
  ['a dead process', () => '999999999 gone'],
  ['another process with the same id', () => `${process.ppid} 1 earlier`],
  ['an earlier process with our id', () => `${process.pid} 1 earlier`],
  ['nobody, since a crash left it empty', () => ''],
])('a lock of %s is replaced', async (_, content) => {
  await writeFile(join(folder, 'lock'), content())
  await (await takeLock(folder, 2_000))()
  expect(await readdir(folder)).toEqual([])
})
