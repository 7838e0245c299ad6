/** The key of each item of a list: its own, or one made of the header's and of what it says. */
import { Problem } from '../core/errors.ts'

const MAX_KEY_LENGTH = 255
const DIGEST_LENGTH = 16
/** Room for the longest suffix of a key: `#`, a digest, `.999`. */
const SUFFIX_LENGTH = 1 + DIGEST_LENGTH + 4

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A key short enough for a suffix. Of a long one: its beginning and its SHA-256. */
async function shortened(key: string, suffixLength: number): Promise<string> {
  if (key.length <= MAX_KEY_LENGTH - suffixLength) return key
  const behind = `~${await sha256(key)}`
  return key.slice(0, MAX_KEY_LENGTH - suffixLength - behind.length) + behind
}

/** A request's JSON in one form: names in order, without members that say nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${
    members.sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()
  }}`
}

interface Item {
  user_id?: number
  idempotency_key?: string | undefined
  amount?: string | number | undefined
  expires_in?: number | null | undefined
}

/** What an item says. Amounts have at most 12 digits, so a number is exact. */
const contentOf = (item: Item) =>
  canonical({
    ...item,
    idempotency_key: undefined,
    amount: item.amount === undefined ? undefined : Number(item.amount).toFixed(2),
    expires_in: item.expires_in ?? undefined,
  })

/** The key of an item, which may be found out only as the item is done. */
export interface ItemKey {
  /** The key that counts; undefined if the item has none, or if it isn't known yet. */
  readonly key: string | undefined
  /** Does the item: `work` is called with one key after the other until one is the item's. */
  use<T>(work: (key: string | undefined) => Promise<T>): Promise<T>
}

const fixedKey = (key: string | undefined): ItemKey => ({ key, use: (work) => work(key) })

const isReused = (error: unknown) =>
  error instanceof Problem && error.code === 'idempotency_key_reused'

/**
 * The keys of items that only their amounts and metadata tell apart. The first of them that is ever
 * done has `#0` behind the header's key, so that an item that says something else later is refused.
 * Any other has a digest of what it says. Keys are never given back, so an item finds the key that
 * it had in any order, in any part of the list, and whichever others were refused.
 */
class SharedKeys {
  readonly #prefix: string
  /** How many items say the same. */
  readonly #copies = new Map<string, number>()
  #size = 0
  /** Resolves with whether `#0` is that of the item that came first. */
  #first: Promise<boolean> | undefined
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  add(content: string): ItemKey {
    const copy = this.#copies.get(content) ?? 0
    this.#copies.set(content, copy + 1)
    this.#size++
    const first = `${this.#prefix}#0`
    let tried: string | undefined
    const keyOfAlone = () => this.#size === 1 ? first : undefined
    return {
      get key() {
        return tried ?? keyOfAlone()
      },
      use: async (work) => {
        if (this.#size === 1) return work(tried = first)
        if (copy === 0 && !await this.#first) {
          const done = work(tried = first)
          this.#first ??= done.then(() => true, () => false)
          try {
            return await done
          } catch (error) {
            if (!isReused(error)) throw error
          }
        }
        const digest = (await sha256(content)).slice(0, DIGEST_LENGTH)
        return work(tried = `${this.#prefix}#${digest}${copy === 0 ? '' : `.${copy}`}`)
      },
    }
  }
}

/** What items have in common that their amounts and metadata tell apart. */
export interface ItemIdentity {
  userId: number
  /** Other than a debit of the user, in visible ASCII. */
  what?: string
}

/**
 * The key of each item, in order.
 * @param identityOf undefined for an item that takes no key
 */
export async function keysOfItems<T extends Item>(
  items: T[],
  identityOf: (item: T) => ItemIdentity | undefined,
  header: string | undefined,
): Promise<ItemKey[]> {
  const shared = new Map<string, SharedKeys>()
  const keys: ItemKey[] = []
  for (const item of items) {
    const identity = identityOf(item)
    if (item.idempotency_key !== undefined || header === undefined || !identity) {
      keys.push(fixedKey(item.idempotency_key))
      continue
    }
    const behind = identity.what === undefined ? '' : `#${identity.what}`
    const name = `${identity.userId}${behind}`
    let those = shared.get(name)
    if (!those) {
      those = new SharedKeys(await shortened(header, behind.length + SUFFIX_LENGTH) + behind)
      shared.set(name, those)
    }
    keys.push(those.add(contentOf(item)))
  }
  return keys
}
