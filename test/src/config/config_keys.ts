/** The keys that loadConfig() reads, in its order: what it asks its environment for. */
import { loadConfig } from '../../../src/config/config.ts'

/** The keys that loadConfig() reads, in its order: what it asks its environment for. */
export function keysRead(): string[] {
  const keys = new Set<string>()
  loadConfig(
    new Proxy({}, {
      get: (_, key) => {
        keys.add(String(key))
        return undefined
      },
    }),
  )
  return [...keys]
}
