/** The service as it is, but for metrics, request ids and the access log: there are none. */
import { createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import type { Metrics } from '../../src/metrics.ts'
import type { Listen } from '../../src/servers.ts'
import { startService } from '../../src/service.ts'

const nothing = () => {}
const uncounted: Metrics = {
  read: nothing,
  debit: nothing,
  request: nothing,
  batch: nothing,
  refused: nothing,
  snapshotError: nothing,
  verified: nothing,
  expose: () => Promise.resolve({ body: '', contentType: 'text/plain' }),
}

// Named by a variable, for otherwise each runtime's compiler would look into the other's entry.
const entry = 'Deno' in globalThis ? '../../src/deno.ts' : '../../src/node.ts'
const { listen } = await import(entry) as { listen: Listen }
const service = await startService(loadConfig({ ...process.env, ACCESS_LOG: 'off' }), {
  listen,
  write: () => Promise.resolve(),
  readText: () => '',
  sha256: () => '',
  createApp: (dependencies) => createApp({ ...dependencies, metrics: uncounted, observed: false }),
})
process.on('SIGTERM', () => void service.stop().then(() => process.exit(0)))
