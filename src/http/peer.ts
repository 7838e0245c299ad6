/** The address of who sent a request, and the network that counts as one sender. */
import type { Context } from 'hono'

/** The address that a request came from, which fetch was given beside it; '' where nobody knows it. */
export const peerOf = (c: Context): string => (c.env as { peer?: string } | undefined)?.peer ?? ''

/** Whom an address belongs to: with IPv6 everybody has a whole /64 to choose from. */
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

/** By what requests are counted that have no caller, or none that is known. */
export const networkKey = (c: Context): string => `address ${networkOf(peerOf(c))}`
