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

/** Finds or makes the folder; the same one again for the same `dataDir`. */
export async function openDataFolder(
  dataDir: string,
  log: (line: string) => void,
): Promise<DataFolder> {
  const wanted = resolve(dataDir)
  await mkdir(dirname(wanted), { recursive: true })
  await mkdir(wanted, { recursive: true, mode: 0o700 })
  // An earlier start left word where it went, which holds even if the project has moved since.
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
  await mkdir(moved, { recursive: true, mode: 0o755 })
  if (!await canEnter(dirname(moved), user)) {
    throw new Error(`DATA_DIR: user ${user.uid} can enter neither ${wanted} nor ${moved}`)
  }
  await writeFile(join(wanted, 'location'), `${moved}\n`)
  return own(moved, user, moved, log)
}

async function own(path: string, user: User, moved: string, log: (line: string) => void) {
  await mkdir(path, { recursive: true })
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
