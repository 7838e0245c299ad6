/** What an app is made of where a test wants its routes, or one answer of what is behind them. */
import type { Dependencies } from '../../src/app/app.ts'
import { createEvents } from '../../src/ledger/events.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

/** Fails whatever asks for something. */
export const unused = () => Promise.reject(new Error('must not be called'))

/** All that an app needs, which does the same whatever is asked for. */
export const dependenciesThat = (call: () => Promise<never>): Dependencies => ({
  ledger: {
    createUser: call,
    listUsers: call,
    findEntries: call,
    findKeys: call,
    listHolds: call,
    setControl: call,
    getUserState: call,
    listControls: call,
    getUsers: call,
    getHistory: call,
    getStatement: call,
    getEntry: call,
    getBalances: call,
    getMoments: call,
  },
  events: createEvents({ getEvents: call }),
  refreshEvents: call,
  readJournal: call,
  verify: call,
  write: call,
  snapshots: { read: call, invalidate: () => void call() },
  metrics: createMetrics(),
  notReady: call,
  onFailure: () => {},
})
