/** The key of each item of a list: its own, or one made of the header's and of what it says. */
import type { Ledger } from '../ledger/functions.ts'
import { type ItemKey, MAX_SUFFIX_LENGTH, sha256, SharedKeys } from './shared_keys.ts'

const MAX_KEY_LENGTH = 255

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
  final?: boolean | undefined
}

/** What an item says. Amounts have at most 12 digits, so a number is exact. */
const contentOf = (item: Item) =>
  canonical({
    ...item,
    idempotency_key: undefined,
    amount: item.amount === undefined ? undefined : Number(item.amount).toFixed(2),
    expires_in: item.expires_in ?? undefined,
    // As if it weren't said.
    final: item.final === true ? undefined : item.final,
  })

const fixedKey = (key: string | undefined): ItemKey => ({ key, use: (work) => work(key) })

/** What items have in common that their amounts and metadata tell apart. */
export interface ItemIdentity {
  userId: number
  /** Other than a debit of the user, in visible ASCII. */
  what?: string
}

/**
 * The key of each item, in order.
 * @param identityOf undefined for an item that takes no key
 * @param headerKey the Idempotency-Key of the whole list
 */
export async function keysOfItems<T extends Item>(
  ledger: Pick<Ledger, 'findKeys'>,
  items: T[],
  identityOf: (item: T) => ItemIdentity | undefined,
  headerKey: string | undefined,
): Promise<ItemKey[]> {
  const shared = new Map<string, SharedKeys>()
  const keys: ItemKey[] = []
  for (const item of items) {
    const identity = identityOf(item)
    if (item.idempotency_key !== undefined || headerKey === undefined || !identity) {
      keys.push(fixedKey(item.idempotency_key))
      continue
    }
    const behind = identity.what === undefined ? '' : `#${identity.what}`
    const name = `${identity.userId}${behind}`
    let those = shared.get(name)
    if (!those) {
      const suffixLength = behind.length + 1 + MAX_SUFFIX_LENGTH
      const prefix = `${await shortened(headerKey, suffixLength)}${behind}#`
      those = new SharedKeys(prefix, () => ledger.findKeys(identity.userId, prefix))
      shared.set(name, those)
    }
    keys.push(those.add(contentOf(item)))
  }
  return keys
}
