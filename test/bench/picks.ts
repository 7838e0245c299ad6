/** Whom each request or call is about. */
import type { Targets, Users } from './load.ts'

export interface Pick {
  user: number
  /** Another user, or what the user's target is. */
  ref: number
}

export interface Choice {
  users: Users
  /** Who gets what users give; left out: others of them. */
  peers?: Users
  /** Left out: users at random. */
  targets?: Targets
}

/** @returns undefined once every target has been taken */
export function createPicker(
  { users, peers, targets }: Choice,
  random: () => number,
): () => Pick | undefined {
  let n = 0
  if (targets) {
    return () => {
      const pick = { user: targets.users[n]!, ref: targets.refs[n]! }
      return n++ < targets.users.length ? pick : undefined
    }
  }
  const below = (count: number) => Math.floor(random() * count)
  return () => {
    const at = below(users.count)
    const user = users.first + at
    if (peers) return { user, ref: peers.first + below(peers.count) }
    // Never the same one, if there is another.
    const ref = users.first + (at + 1 + below(users.count - 1)) % users.count
    return { user, ref }
  }
}
