/** The service as it is, but for metrics, request ids and the access log: there are none. */
import { createApp } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { listen } from '../../src/server/http_server.ts'
import type { Metrics } from '../../src/telemetry/metrics.ts'
import { startService } from '../../src/service.ts'

const nothing = () => {}
const uncounted: Metrics = {
  read: nothing,
  historyRead: nothing,
  debit: nothing,
  operation: nothing,
  request: nothing,
  batch: nothing,
  queueWait: nothing,
  databaseCall: nothing,
  webhooks: { receivers: () => {}, delivered: () => {}, watch: () => {} },
  watch: nothing,
  eventStreams: nothing,
  refused: nothing,
  snapshotError: nothing,
  verified: nothing,
  expose: () => Promise.resolve({ body: '', contentType: 'text/plain' }),
}

const service = await startService(loadConfig({ ...process.env, ACCESS_LOG: 'off' }), {
  name: 'bench',
  listen,
  write: () => Promise.resolve(),
  readText: () => '',
  readFile: () => Promise.resolve(''),
  sha256: () => '',
  createApp: (dependencies) => createApp({ ...dependencies, metrics: uncounted, observed: false }),
})
process.on('SIGTERM', () => void service.stop().then(() => process.exit(0)))
