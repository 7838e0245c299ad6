/** Which entries a caller who is bound to users may reverse. */
import { Problem } from '../core/errors.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Write } from '../ledger/write.ts'

export interface ReversibleDependencies {
  ledger: Pick<Ledger, 'getEntry'>
  write: Write
}

/** A transfer is reversed whole: the caller must be allowed to write to its other user, too. */
export function createAssertReversible({ ledger, write }: ReversibleDependencies) {
  /** @throws Problem */
  return async function assertReversible(userId: number, seq: number, users: ReadonlySet<number>) {
    let found = await ledger.getEntry(userId, seq)
    if (!found) {
      // A pending manual entry may be about to get this number, so post it first.
      await write({ kind: 'recalculate', userId })
      found = await ledger.getEntry(userId, seq)
    }
    // An entry that is posted after this check may be half of a transfer.
    if (!found) throw new Problem('unknown_entry')
    if (found.transfer && !users.has(found.transfer.user_id)) throw new Problem('forbidden')
  }
}
