/** The address that a request came from, and the network that counts as one sender. */
import type { Context } from 'hono'

/** The address that a request came from, which the server passes beside it; "" if unknown. */
export const peerOf = (c: Context): string => (c.env as { peer?: string } | undefined)?.peer ?? ''

/** The network of an address. With IPv6, everybody has a whole /64 to choose from. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}

/** The key for limits of requests without a known caller. */
export const networkKey = (c: Context): string => `address ${networkOf(peerOf(c))}`
