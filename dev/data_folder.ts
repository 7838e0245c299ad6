/** Where the data of the embedded PostgreSQL lies, and as which user PostgreSQL runs there. */
import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { shell, type User } from './processes.ts'

/** Everybody can enter it, and it outlives a restart of the machine. */
export const ELSEWHERE = '/var/lib/ledger'

export interface DataFolder {
  path: string
  /** Set where this process is root: PostgreSQL refuses to run as root. */
  user?: User
}

/**
 * Finds or makes the folder; the same one again for the same `dataDir`.
 * @throws Error with one line that names DATA_DIR, or what the file system says
 */
export async function openDataFolder(
  dataDir: string,
  log: (line: string) => void,
): Promise<DataFolder> {
  const wanted = resolve(dataDir)
  await makeFolder(wanted, 0o700)
  // An earlier start wrote down where it went, which holds even if the project has moved since.
  const noted = (await readFile(join(wanted, 'location'), 'utf8').catch(() => '')).trim()
  const path = noted || wanted
  const owner = (await stat(join(path, 'data')).catch(() => undefined)) as User | undefined
  if (process.getuid?.() !== 0) {
    const uid = process.getuid?.()
    if (owner && owner.uid !== uid) {
      throw new Error(`DATA_DIR: user ${owner.uid} owns ${path}, start as that user or as root`)
    }
    return { path }
  }
  if (owner?.uid === 0) throw new Error(`DATA_DIR: root owns ${path}, where PostgreSQL can't run`)
  const user = owner ? { uid: owner.uid, gid: owner.gid } : await unprivilegedUser()
  if (await canEnter(dirname(path), user)) return own(path, user, noted, log)
  if (owner) throw new Error(`DATA_DIR: user ${user.uid} owns ${path} but can't enter it any more`)

  const name = wanted.split('/').slice(-3).join('-').replace(/[^\w-]+/g, '')
  const hash = createHash('sha256').update(wanted).digest('hex').slice(0, 8)
  const moved = join(ELSEWHERE, `${name}-${hash}`)
  await makeFolder(moved, 0o755)
  if (!await canEnter(dirname(moved), user)) {
    throw new Error(`DATA_DIR: user ${user.uid} can enter neither ${wanted} nor ${moved}`)
  }
  await writeFile(join(wanted, 'location'), `${moved}\n`)
  return own(moved, user, moved, log)
}

/** Not by mkdir() with `recursive`, which in /proc tries for ever. */
async function makeFolder(path: string, mode?: number): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return
  if (found) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR', path })
  if (dirname(path) !== path) await makeFolder(dirname(path))
  await mkdir(path, mode).catch((error: NodeJS.ErrnoException) => {
    // Somebody else was faster.
    if (error.code !== 'EEXIST') throw error
  })
}

const REASONS: Record<string, string> = {
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
  ENOTDIR: 'it is no folder',
  EEXIST: 'it is no folder',
  EROFS: 'it can only be read',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
}

/** What a file system says, as a line that names the setting; any other error as it is. */
export function dataDirFault(error: unknown): unknown {
  const { code = '', path, name, message } = error as NodeJS.ErrnoException
  // Where Deno has no leave to go.
  if (name === 'NotCapable') {
    return new Error(`DATA_DIR can't be used: ${message}`, { cause: error })
  }
  if (path === undefined || !/^E[A-Z]+$/.test(code)) return error
  const reason = REASONS[code] ?? "it can't be made"
  return new Error(`DATA_DIR can't be used: ${path}: ${reason} (${code})`, { cause: error })
}

async function own(path: string, user: User, moved: string, log: (line: string) => void) {
  await makeFolder(path)
  await chown(path, user.uid, user.gid)
  await chmod(path, 0o700)
  if (moved) log(`the data is in ${path}, since user ${user.uid} can't enter DATA_DIR`)
  return { path, user }
}

async function unprivilegedUser(): Promise<User> {
  for (const name of ['postgres', 'nobody']) {
    const ids = await shell('id -u "$0" && id -g "$0"', [name])
    const [uid, gid] = (ids ?? '').trim().split('\n').map(Number)
    if (uid && gid) return { uid, gid }
  }
  throw new Error(
    'PostgreSQL refuses to run as root and there is no user postgres or nobody: set DATABASE_URL',
  )
}

const canEnter = async (folder: string, user: User) =>
  await shell('cd "$0"', [folder], user) !== undefined
