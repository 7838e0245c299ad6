/** One launcher at a time owns a data folder: the file `lock` in it says which. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processStart, until } from './processes.ts'

/** Locks of this very process, which would otherwise look like left over from an earlier one. */
const held = new Set<string>()

/**
 * Waits for another launcher to end, which may still be draining after its npm was killed.
 * @returns what gives the lock back
 * @throws Error with one line that names DATA_DIR and the process that has the lock
 */
export async function takeLock(
  folder: string,
  timeoutMs = 10_000,
  log: (line: string) => void = () => {},
): Promise<() => Promise<void>> {
  const file = join(folder, 'lock')
  const mine = `${file}.${process.pid}`
  let owner: number | undefined
  let isTold = false
  const taken = !held.has(file) && await until(async () => {
    await writeFile(mine, `${process.pid} ${await processStart(process.pid)}`, { mode: 0o600 })
    owner = await linkOrOwner(mine, file)
    if (owner !== undefined && !isTold) {
      log(`waiting for process ${owner}, which runs PostgreSQL in ${folder}, to end`)
      isTold = true
    }
    return owner === undefined
  }, timeoutMs)
  await rm(mine, { force: true })
  if (!taken) {
    throw new Error(
      `DATA_DIR is in use: process ${owner ?? process.pid} runs PostgreSQL in ${folder}`,
    )
  }
  held.add(file)
  return async () => {
    held.delete(file)
    await rm(file, { force: true })
  }
}

/** link() either makes the whole file or fails, so nobody ever reads half a lock. */
async function linkOrOwner(mine: string, file: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await link(mine, file)
      return undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const text = await readFile(file, 'utf8').catch(() => '')
    const [pid = '', ...start] = text.split(' ')
    const alive = pid === String(process.pid) ? undefined : await processStart(Number(pid))
    if (alive !== undefined && alive === start.join(' ')) return Number(pid)
    await removeStale(file, text)
  }
  return process.pid
}

/** Moves the lock away before it removes it: meanwhile another launcher may have replaced it. */
async function removeStale(file: string, expected: string): Promise<void> {
  const aside = `${file}.stale.${process.pid}`
  await rename(file, aside).catch(() => {})
  const text = await readFile(aside, 'utf8').catch(() => expected)
  if (text !== expected) await link(aside, file).catch(() => {})
  await rm(aside, { force: true })
}
