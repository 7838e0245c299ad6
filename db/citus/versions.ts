/** Which versions of Citus can hold a ledger. */

/**
 * Minor versions whose source was read: the last patch release of each, and from which one on it
 * keeps a copy of a prepared statement's plan for each of its executions, until the memory of the
 * worker is full. Citus mended it in its pull request 8824.
 */
const READ: Record<string, { last: number; leaksFrom: number }> = {
  '12.1': { last: 12, leaksFrom: 11 },
  '13.0': { last: 5, leaksFrom: Infinity },
  '13.1': { last: 1, leaksFrom: Infinity },
  '13.2': { last: 2, leaksFrom: 1 },
  '14.0': { last: 1, leaksFrom: 0 },
}
const PAGE = 'see docs/how-to/distribute.md'

/**
 * Whether a ledger can be on this version of Citus.
 * @param text what citus_version() returns, such as `Citus 13.2.0 on x86_64-pc-linux-gnu, …`
 * @returns why it can't be, what to warn of, or neither
 */
export function checkVersion(text: string): { fault?: string; warning?: string } {
  const [name, minor, patch] = /^Citus (\d+\.\d+)\.?(\d+|devel)/.exec(text) ?? []
  if (!name) return { fault: `can't tell the version of Citus from "${text.slice(0, 40)}"` }
  if (Number.parseFloat(minor!) < 12.1) return { fault: `${name} is too old: this needs 12.1` }
  const { last, leaksFrom } = READ[minor!] ?? { last: -1, leaksFrom: Infinity }
  if (!(Number(patch) <= last)) {
    return { warning: `${name} is newer than what this was tried with: ${PAGE}` }
  }
  if (Number(patch) < leaksFrom) return {}
  return { fault: `${name} keeps each plan until a worker has no memory left: ${PAGE}` }
}
