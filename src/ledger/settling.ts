/**
 * Finds out how far the positions that each server has given are settled, where users are on
 * several.
 */
import type { SettledSeries } from '../cache/settled_history.ts'
import { NO_INCARNATION } from './event_cursor.ts'
import { LAST_POSITION, type Numbering, type Server } from './series_functions.ts'

/** Its positions are written on all other servers, those of each of these only there. */
const COORDINATOR = 0

interface State {
  epoch: string
  /** Up to which position everything is committed, or never will be. */
  position?: number
  /** A later one, for which that is so once all below the horizon of each server have ended. */
  next?: { position: number; horizons: Map<number, bigint> }
}

/**
 * Creates a function that is told what the servers say, again and again: first the coordinator, and
 * the others after it has answered. Whoever has taken a position holds a user until it has ended,
 * on the server that has the user: so a position is settled when all who held a user there after
 * it was given have ended.
 */
export function createSettling() {
  const states = new Map<number, State>()

  function stateOf({ series, epoch }: Numbering): State {
    let state = states.get(series)
    // Since it was restarted, it may give positions again that nobody has used.
    if (state?.epoch !== epoch) states.set(series, state = { epoch })
    return state
  }

  function settle(state: State, { series, lastPosition }: Numbering, all: readonly Numbering[]) {
    const concerned = all.filter((one) =>
      series === COORDINATOR ? one.series !== series : one.series === series
    )
    const isOver = ([server, horizon]: [number, bigint]) =>
      concerned.every((one) =>
        one.series !== server || one.oldestOpen === undefined || one.oldestOpen >= horizon
      )
    if (state.next && ![...state.next.horizons].every(isOver)) return
    if (state.next) state.position = state.next.position
    const horizons = new Map(
      concerned.flatMap(({ series: server, horizon }) =>
        horizon === undefined ? [] : [[server, horizon] as const]
      ),
    )
    delete state.next
    if (horizons.size === 0) state.position = lastPosition
    else if (lastPosition !== state.position) state.next = { position: lastPosition, horizons }
  }

  return (servers: readonly Server[], all: readonly Numbering[]): SettledSeries[] =>
    servers.map(({ series, address }) => {
      const numbering = all.find((one) => one.series === series)
      // Of a server that is gone nothing will be added.
      if (!numbering) {
        return { series, address, epoch: '', incarnation: NO_INCARNATION, position: LAST_POSITION }
      }
      const state = stateOf(numbering)
      settle(state, numbering, all)
      const { epoch, incarnation } = numbering
      return { series, address, epoch, incarnation, position: state.position }
    })
}
