/** Rules, each broken in one place; and by which interleaving, or storm, that has to be found. */
import type { Case } from './mutation.ts'
import { BROKEN_POSTING } from './broken_posting.ts'
import { BROKEN_ENTRIES } from './broken_entries.ts'
import { BROKEN_PARTS } from './broken_parts.ts'

export const MUTATIONS: Record<string, Case> = {
  ...BROKEN_POSTING,
  ...BROKEN_ENTRIES,
  ...BROKEN_PARTS,
}
