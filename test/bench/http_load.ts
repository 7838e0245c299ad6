/** Requests over HTTP: closed loops, and open ones that measure from when a request was due. */
import { randomOf } from '../support/share.ts'
import { type Answer, type Connection, openConnection } from './http_connection.ts'
import { createWriter, requestOf } from './http_requests.ts'
import type { HttpJob, Measured, Stream } from './load.ts'
import { createPicker } from './picks.ts'
import { createTally, type Tally } from './tally.ts'

/** Before the time of the job, until as much is in flight at its beginning as at its end. */
const RAMP_MS = 300
/** After it, for what is still to be answered. */
const LATE_MS = 15_000

/** When requests of an open loop are due, in milliseconds: a Poisson process, on a grid of 1 ms. */
function createArrivals(perSecond: number, random: () => number) {
  let at = 0
  return () => Math.ceil(at -= Math.log(1 - random()) * 1000 / perSecond)
}

/** The connections of a stream, and what becomes of their answers. */
interface Exchange {
  /** All that are free. */
  idle: Connection[]
  /** @returns false, and sends nothing, when no target is left: then the time is over */
  send(connection: Connection, due_ms: number): boolean
  /** Told of each connection that has its answer, or is lost. */
  onFree: (connection: Connection | undefined, now: number) => void
  onFailure: (error: unknown) => void
  /** What is answered between the two counts. */
  from_ms: number
  end_ms: number
  tally: Tally
}

async function openExchange(stream: Stream, random: () => number): Promise<Exchange> {
  const { request, connections } = stream
  const { good, makes, read } = requestOf(request)
  const textOf = createWriter(request, stream.url)
  const pick = createPicker(stream, random)
  const tally = createTally(makes)
  const exchange: Exchange = {
    idle: [],
    send(connection, due_ms) {
      const picked = pick()
      if (!picked) {
        exchange.end_ms = Math.min(exchange.end_ms, performance.now())
        return false
      }
      connection.user = picked.user
      connection.since_ms = due_ms
      connection.send(textOf(picked.user, picked.ref))
      return true
    },
    onFree: () => {},
    onFailure: () => {},
    from_ms: 0,
    end_ms: 0,
    tally,
  }

  function onAnswer(connection: Connection, answer: Answer) {
    const now = performance.now()
    tally.status(answer.status)
    try {
      if (answer.status === good) {
        const { since_ms } = connection
        // Of an open loop, which ends with a backlog, what was due in the time.
        const at = stream.arrivals === undefined ? now : since_ms
        tally.good(now - since_ms, at >= exchange.from_ms && at < exchange.end_ms)
        read?.(tally, connection.user, answer)
      }
      exchange.onFree(connection, now)
    } catch (error) {
      exchange.onFailure(error)
    }
  }

  function onLost(connection: Connection) {
    tally.status('lost')
    const at = exchange.idle.indexOf(connection)
    if (at >= 0) exchange.idle.splice(at, 1)
    else exchange.onFree(undefined, performance.now())
  }

  const url = new URL(stream.url)
  // Not all at once: a server may have room for some hundred that it hasn't accepted yet.
  for (let n = 0; n < connections; n += 64) {
    const some = Array.from(
      { length: Math.min(64, connections - n) },
      () => openConnection(url, onAnswer, onLost),
    )
    exchange.idle.push(...await Promise.all(some))
  }
  return exchange
}

type Loop = (exchange: Exchange, start_ms: number, done: () => void) => { pending(): number }

const closedLoop: Loop = (exchange, start_ms, done) => {
  let pending = exchange.idle.length
  exchange.onFree = (connection, now) => {
    if (connection && now < exchange.end_ms && exchange.send(connection, now)) return
    if (--pending === 0) done()
  }
  for (const connection of exchange.idle.splice(0)) {
    if (!exchange.send(connection, start_ms)) throw new Error('fewer targets than connections')
  }
  return { pending: () => pending }
}

const openLoop = (arrivals: number, random: () => number): Loop => (exchange, start_ms, done) => {
  const { idle, end_ms } = exchange
  const due = createArrivals(arrivals, random)
  /** What was due when no connection was free; its time runs all the same. */
  const backlog: number[] = []
  let from = 0
  let pending = 0
  let at = start_ms + due()

  exchange.onFree = (connection) => {
    if (connection && from < backlog.length) {
      exchange.send(connection, backlog[from++]!)
      return
    }
    pending--
    if (connection) idle.push(connection)
    if (pending === 0 && at >= end_ms) done()
  }
  const tick = () => {
    for (const now = performance.now(); at <= now && at < end_ms; at = start_ms + due()) {
      const connection = idle.pop()
      if (connection) {
        pending++
        exchange.send(connection, at)
      } else backlog.push(at)
    }
    if (at < end_ms) setTimeout(tick, 1)
    else if (pending === 0) done()
  }
  tick()
  return { pending: () => pending + backlog.length - from }
}

function run(exchange: Exchange, loop: Loop, start_ms: number, seconds: number): Promise<Measured> {
  const { idle, tally } = exchange
  const all = [...idle]
  const ramp_ms = Math.min(RAMP_MS, seconds * 250)
  exchange.from_ms = start_ms + ramp_ms
  exchange.end_ms = exchange.from_ms + seconds * 1000
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(late)
      for (let left = running.pending(); left > 0; left--) tally.status('unanswered')
      for (const connection of all) connection.close()
      const took_ms = exchange.end_ms - exchange.from_ms
      // Which fails the row, not all that has been measured.
      if (took_ms <= 0) tally.status('no target was left when the time began')
      resolve(tally.result(Math.max(took_ms, 0) / 1000))
    }
    const late = setTimeout(finish, exchange.end_ms - start_ms + LATE_MS)
    exchange.onFailure = reject
    // Not from within the loop's own start.
    const running = loop(exchange, start_ms, () => setImmediate(finish))
  })
}

export async function runHttpLoad({ streams, seconds }: HttpJob): Promise<Measured[]> {
  const ready: [Exchange, Loop][] = []
  for (const [i, stream] of streams.entries()) {
    const random = randomOf(i + 1)
    const { arrivals } = stream
    const exchange = await openExchange(stream, random)
    ready.push([exchange, arrivals === undefined ? closedLoop : openLoop(arrivals, random)])
  }
  const start_ms = performance.now()
  return await Promise.all(ready.map(([exchange, loop]) => run(exchange, loop, start_ms, seconds)))
}
