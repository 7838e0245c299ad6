/** Finds the name that somebody probably meant, for warnings about misspelt ones. */

/** The most edits that count as a misspelling. */
const MAX_EDITS = 2

/** @returns the nearest of the names, or undefined if none is near, whatever the case of letters */
export function likelyName(written: string, names: readonly string[]): string | undefined {
  const near = names.map((name) => ({ name, edits: editsBetween(written.toUpperCase(), name) }))
    .filter(({ name, edits }) => edits <= Math.min(MAX_EDITS, name.length / 3))
    .sort((a, b) => a.edits - b.edits)
  return near[0]?.name
}

/**
 * The edit distance: letters to insert, drop, replace or swap with the next one (optimal string
 * alignment).
 */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return Infinity
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + differs,
        isSwap ? rows[i - 2]![j - 2]! + 1 : Infinity,
      )
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
