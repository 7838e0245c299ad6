/** A network between the service and PostgreSQL that can be as bad as networks get. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Weather =
  | { kind: 'fair' }
  /** Each piece arrives this much later; what is on its way when an end dies is lost. */
  | { kind: 'late'; delay_ms: number }
  /** Each piece arrives in small parts with pauses in between. */
  | { kind: 'trickle'; part_bytes: number; pause_ms: number }
  /** Nothing arrives, until the weather changes. */
  | { kind: 'silence' }
  /** A connection that carries a marked request is cut before it arrives. */
  | { kind: 'cut requests' }
  /** … or when PostgreSQL answers it, which it does after the commit. */
  | { kind: 'cut answers' }

export interface Proxy {
  port: number
  weather(now: Weather): void
  /** Cuts every connection that there is, with all that is on its way. */
  cutAll(): number
  /** How often each kind of weather got at something. */
  counts: Record<Weather['kind'], number>
  close(): Promise<void>
}

interface Line {
  client: Socket
  server: Socket
  /** The next answer must not arrive. */
  doomed: boolean
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** The connections through a proxy, and what happens to them. */
class Network {
  #weather: Weather = { kind: 'fair' }
  readonly #mark: string
  readonly #changed: (() => void)[] = []
  readonly #lines = new Set<Line>()
  readonly counts: Proxy['counts'] = {
    fair: 0,
    late: 0,
    trickle: 0,
    silence: 0,
    'cut requests': 0,
    'cut answers': 0,
  }

  constructor(mark: string) {
    this.#mark = mark
  }

  add(client: Socket, server: Socket) {
    const line = { client, server, doomed: false }
    this.#lines.add(line)
    server.on('close', () => this.#lines.delete(line))
    this.#pump(line, client, server)
    this.#pump(line, server, client)
  }

  change(weather: Weather) {
    this.#weather = weather
    for (const resolve of this.#changed.splice(0)) resolve()
  }

  cutAll(): number {
    const count = this.#lines.size
    for (const line of this.#lines) this.#cut(line)
    return count
  }

  #cut(line: Line) {
    this.#lines.delete(line)
    line.client.destroy()
    line.server.destroy()
  }

  #pump(line: Line, from: Socket, to: Socket) {
    let before = Promise.resolve(true)
    from.on('error', () => {})
    from.on('data', (data) => {
      const since = performance.now()
      before = before.then((goesOn) => goesOn && this.#deliver(line, data, to, since))
    })
    from.on('close', () => {
      // As when a machine dies: nobody sends again what was on its way.
      if (this.#weather.kind === 'late') this.#cut(line)
      else void before.then(() => to.end())
    })
  }

  /** @returns false if the line is cut instead */
  async #deliver(line: Line, data: Buffer, to: Socket, since: number): Promise<boolean> {
    while (this.#weather.kind === 'silence') {
      this.counts.silence++
      await new Promise<void>((resolve) => this.#changed.push(resolve))
    }
    if (this.#weather.kind === 'late') {
      await pause(since + this.#weather.delay_ms - performance.now())
    }
    const now = this.#weather
    const toServer = to === line.server
    const marked = toServer && data.includes(this.#mark)
    if ((now.kind === 'cut requests' && marked) || (line.doomed && !toServer)) {
      this.counts[marked ? 'cut requests' : 'cut answers']++
      this.#cut(line)
      return false
    }
    if (now.kind === 'cut answers' && marked) line.doomed = true
    this.counts[now.kind]++
    const { part_bytes, pause_ms } = now.kind === 'trickle'
      ? now
      : { part_bytes: data.length, pause_ms: 0 }
    for (let at = 0; at < data.length; at += part_bytes) {
      if (pause_ms > 0) await pause(pause_ms)
      to.write(data.subarray(at, at + part_bytes))
    }
    return true
  }
}

/** @param mark what the requests have in them that may be cut */
export async function startProxy(targetPort: number, mark: string): Promise<Proxy> {
  const network = new Network(mark)
  const proxy = createServer({ noDelay: true }, (client) => {
    network.add(client, connect({ port: targetPort, host: '127.0.0.1', noDelay: true }))
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))

  return {
    port: (proxy.address() as AddressInfo).port,
    counts: network.counts,
    weather: (next) => network.change(next),
    cutAll: () => network.cutAll(),
    async close() {
      network.cutAll()
      network.change({ kind: 'fair' })
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
