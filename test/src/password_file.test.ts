import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readPasswordFile } from '../../src/password_file.ts'

let folder: string
let warned: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-passwords-'))
  warned = []
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, `*:*:*:*:${name}`)
  chmodSync(path, mode)
  return path
}

const read = (env: Record<string, string>) =>
  readPasswordFile({ env, warn: (line) => void warned.push(line) })

test('the passwords are those of PGPASSFILE, or else of ~/.pgpass, if there is one', () => {
  expect(read({})).toBeUndefined()
  expect(read({ HOME: folder })).toBeUndefined()
  write('.pgpass')
  expect(read({ HOME: folder })).toBe('*:*:*:*:.pgpass')
  expect(read({ HOME: folder, PGPASSFILE: write('other') })).toBe('*:*:*:*:other')
  expect(read({ HOME: folder, PGPASSFILE: join(folder, 'none') })).toBeUndefined()
  expect(read({ HOME: folder, PGPASSFILE: folder })).toBeUndefined()
  expect(warned).toEqual([])
})

test('a file that others may read is warned of, and not read', () => {
  expect(read({ PGPASSFILE: write('open', 0o640) })).toBeUndefined()
  expect(warned).toEqual([expect.stringContaining('chmod 600')])
})
