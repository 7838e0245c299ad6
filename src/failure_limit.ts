/** How many wrong tokens an address may send. */
import { createRates } from './rate_limit.ts'

export interface FailureLimit {
  /** Counts a failure; answers the seconds until the next one is allowed, 0 if this one was. */
  failed(address: string): number
}

/** As many at once as in a minute, at an even rate. */
export function createFailureLimit(
  { perMinute, now }: { perMinute: number; now?: () => number },
): FailureLimit {
  const take = createRates({ requests: perMinute, seconds: 60 }, now)
  return {
    failed(address) {
      const { isOver, waitMs } = take(networkOf(address))
      return isOver ? Math.ceil(waitMs / 1000) : 0
    },
  }
}

/** Whom an address belongs to: with IPv6 everybody has a whole /64 to choose from. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}
