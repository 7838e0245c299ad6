/** Reads regular files only: opening a pipe would wait until somebody writes to it. */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

const notRegular = () => Object.assign(new Error('no regular file'), { code: 'ENOTFILE' })

/**
 * Reads a file without blocking.
 * @throws Error with a code, ENOTFILE for anything but a regular file
 */
export async function readRegularFile(path: string): Promise<string> {
  if (!(await stat(path)).isFile()) throw notRegular()
  return await readFile(path, 'utf8')
}

/**
 * The same, blocking: only for the start.
 * @throws Error with a code, ENOTFILE for anything but a regular file
 */
export function readRegularFileSync(path: string): Buffer {
  if (!statSync(path).isFile()) throw notRegular()
  return readFileSync(path)
}
