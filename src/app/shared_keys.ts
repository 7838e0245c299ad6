/**
 * The keys of items of a list that only their amounts and metadata tell apart, so that a repeat of
 * any part of the list, in any order, does none of them twice.
 */
import { Problem, type ProblemCode, problemOf } from '../core/errors.ts'
import type { Outcome } from '../ledger/operations.ts'

const FIRST = '0'
const DIGEST_LENGTH = 16
/** What stands behind the prefix; there may be keys of others that have something else there. */
const SUFFIX = /^(?:0|[0-9a-f]{16}(?:\.[0-9]{1,3})?)$/
export const MAX_SUFFIX_LENGTH = DIGEST_LENGTH + '.999'.length

/** The SHA-256 of a text in hexadecimal. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

type Work = (key: string | undefined) => Promise<Outcome>

/** The key of an item, which may be found out only as the item is done. */
export interface ItemKey {
  /** The one that counted last, or would be the first to; undefined if the item has none. */
  readonly key: string | undefined
  /** Does the item: `work` is called with one key after the other until one is the item's. */
  use(work: Work): Promise<Outcome>
}

/** What became of an item that was tried with the first key. */
type Try = { content: string } & ({ replayed: boolean } | { error: Problem })

const failedWith = (one: Try, code: ProblemCode) => 'error' in one && one.error.code === code
const isReused = (one: Try) => failedWith(one, 'idempotency_key_reused')

/**
 * The first of the items that is ever done has `0` behind the prefix. So whoever does one with it
 * knows that nothing was done before, and different lists at the same time know of one another. All
 * others have a digest of what they say, and `.1`, `.2` … where several say the same. Keys are
 * never given back.
 */
export class SharedKeys {
  readonly #prefix: string
  readonly #findKeys: () => Promise<string[]>
  /** What each item says, in the order of the list. */
  readonly #contents: string[] = []
  /** By content; none rejects. */
  readonly #tries = new Map<string, Promise<Try>>()
  /** Tells the suffix of the next item that says this and doesn't have the first key. */
  #others: Promise<(content: string) => string> | undefined

  /** @param findKeys finds what stands behind the prefix in keys of the user, by its bytes */
  constructor(prefix: string, findKeys: () => Promise<string[]>) {
    this.#prefix = prefix
    this.#findKeys = findKeys
  }

  /** Adds an item by what it says. All are added before the first one is done. */
  add(content: string): ItemKey {
    this.#contents.push(content)
    let key = this.#prefix + FIRST
    return {
      get key() {
        return key
      },
      use: async (work) => {
        const workWith = (suffix: string) => work(key = this.#prefix + suffix)
        const outcome = await this.#tryFirst(content, workWith)
        if (outcome) return outcome
        this.#others ??= this.#settledTries().then((tries) => this.#assignOthers(tries))
        return await workWith((await this.#others)(content))
      },
    }
  }

  /**
   * Tries the first key, unless it is known to be another's. One item begins alone, because in most
   * lists it is done, and then no other has to try.
   * @returns undefined if the key is another's
   */
  async #tryFirst(
    content: string,
    work: (suffix: string) => Promise<Outcome>,
  ): Promise<Outcome | undefined> {
    const [leader] = this.#tries.values()
    if ((leader && 'replayed' in await leader) || this.#tries.has(content)) return undefined
    const attempt = work(FIRST)
    const one = attempt.then(
      ({ replayed }) => ({ content, replayed }),
      (error: unknown) => ({ content, error: problemOf(error, { writes: true }) }),
    )
    this.#tries.set(content, one)
    return isReused(await one) ? undefined : await attempt
  }

  /** Waits for all of them, also for those that begin because the first one has failed. */
  async #settledTries(): Promise<Try[]> {
    for (;;) {
      const { size } = this.#tries
      const tries = await Promise.all(this.#tries.values())
      if (this.#tries.size === size) return tries
    }
  }

  async #assignOthers(tries: Try[]): Promise<(content: string) => string> {
    const first = tries.find((one) => 'replayed' in one)
    if (!first && !tries.some(isReused)) {
      // Nothing is known to be done. What says the same as one that failed fails as well.
      const failed = new Map(tries.map((one) => [one.content, 'error' in one ? one.error : null]))
      return (content) => {
        throw failed.get(content) ?? new Problem('busy')
      }
    }
    const used = first?.replayed === false ? [FIRST] : await this.#findKeys().catch((error) => {
      throw problemOf(error)
    })
    const assigned = await assignSuffixes(this.#contents, first?.content, used)
    // Any that wasn't compared with the first key could be the one that has it.
    const isFirstUnknown = !first &&
      tries.some((one) => !isReused(one) && !failedWith(one, 'invalid_request'))
    return (content) => {
      const { suffix, isChanged } = assigned.get(content)!.shift()!
      if (isChanged && isFirstUnknown) throw new Problem('busy')
      return suffix
    }
  }
}

interface Assigned {
  suffix: string
  /** Whether it is that of another item, so that this one is refused. */
  isChanged: boolean
}

/**
 * Assigns a suffix to each item. One that was done before has its own. Of the others, as many as
 * were done before and aren't in the list now count as changed, and have the suffixes of these.
 * Only the rest is new.
 * @param contents what the items say, in the order of the list
 * @param first what the one says that has the first key, if it is in the list; it is left out
 * @param used the suffixes of what was done before
 * @returns by content, in the order of the list
 */
async function assignSuffixes(
  contents: readonly string[],
  first: string | undefined,
  used: readonly string[],
): Promise<Map<string, Assigned[]>> {
  const digests = new Map<string, string>()
  for (const content of new Set(contents)) {
    digests.set(content, (await sha256(content)).slice(0, DIGEST_LENGTH))
  }
  // The shorter, the earlier: 0, a digest, .2, .10.
  const ours = used.filter((one) => SUFFIX.test(one)).sort((a, b) => a.length - b.length)
  const earlier = new Map<string, string[]>()
  for (const suffix of ours) {
    const digest = suffix === FIRST ? digests.get(first ?? '') : suffix.slice(0, DIGEST_LENGTH)
    append(earlier, digest ?? FIRST, suffix)
  }
  const own = contents.map((content) => earlier.get(digests.get(content)!)?.shift())
  const missing = [...earlier.values()].flat()

  const taken = new Set(ours)
  const copies = new Map(first === undefined ? [] : [[first, 1]])
  function newSuffix(content: string): string {
    const copy = copies.get(content) ?? 0
    copies.set(content, copy + 1)
    const suffix = copy === 0 ? digests.get(content)! : `${digests.get(content)}.${copy}`
    return taken.has(suffix) ? newSuffix(content) : suffix
  }
  const assigned = new Map<string, Assigned[]>()
  for (const [n, content] of contents.entries()) {
    const changed = own[n] === undefined ? missing.shift() : undefined
    const suffix = own[n] ?? changed ?? newSuffix(content)
    append(assigned, content, { suffix, isChanged: changed !== undefined })
  }
  if (first !== undefined) assigned.get(first)!.shift()
  return assigned
}

function append<T>(lists: Map<string, T[]>, name: string, value: T): void {
  const list = lists.get(name)
  if (list) list.push(value)
  else lists.set(name, [value])
}
