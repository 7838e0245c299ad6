/** Asks every server of a distributed ledger how far its positions are settled. */
import { openPolled, type Polling, startPolling } from '../cache/polling.ts'
import type { SettledHistory } from '../cache/settled_history.ts'
import type { Database, DatabaseOptions } from '../database/database.ts'
import { getSeries, getServers } from './series_functions.ts'
import { createSettling } from './settling.ts'

export interface SeriesPollerOptions {
  /** The coordinator. */
  target: Pick<DatabaseOptions, 'url' | 'ssl'>
  /** The connections to one of the others. */
  reading: (server: { host: string; port: number }) => Database
  /** Called after each poll. */
  settled: (history: SettledHistory) => void
  /** Called once if polls have failed for more than a second. */
  failed: (error: unknown) => void
}

/** Starts to ask, until it is stopped. All servers have to answer. */
export function startSeriesPoller(
  { target, reading, settled, failed }: SeriesPollerOptions,
): Polling {
  const coordinator = openPolled(target)
  const settle = createSettling()
  let turns = 0
  let before = ''

  async function poll(): Promise<boolean> {
    const servers = await getServers(coordinator)
    const first = await getSeries(coordinator)
    const others = await Promise.all(
      servers.flatMap(({ address }) => address ? [getSeries(reading(address))] : []),
    )
    const all = [first, ...others]
    const series = settle(servers, all)
    const now = JSON.stringify(series)
    if (now !== before) turns++
    before = now
    const isSettled = all.every((one) =>
      series.some((own) => own.series === one.series && own.position === one.lastPosition)
    )
    const { epoch, incarnation } = first
    settled({
      epoch,
      incarnation,
      position: turns,
      lastPosition: turns + Number(!isSettled),
      series,
    })
    return false
  }

  return startPolling({ poll, failed, end: () => coordinator.end() })
}
