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

/** @param mark what the requests have in them that may be cut */
export async function startProxy(targetPort: number, mark: string): Promise<Proxy> {
  let now: Weather = { kind: 'fair' }
  const changed: (() => void)[] = []
  const lines = new Set<Line>()
  const counts = {
    fair: 0,
    late: 0,
    trickle: 0,
    silence: 0,
    'cut requests': 0,
    'cut answers': 0,
  }

  function cut(line: Line) {
    lines.delete(line)
    line.client.destroy()
    line.server.destroy()
  }

  /** @returns false if the line is cut instead */
  async function deliver(line: Line, data: Buffer, to: Socket, since: number): Promise<boolean> {
    while (now.kind === 'silence') {
      counts.silence++
      await new Promise<void>((resolve) => changed.push(resolve))
    }
    if (now.kind === 'late') await pause(since + now.delay_ms - performance.now())
    const toServer = to === line.server
    const marked = toServer && data.includes(mark)
    if ((now.kind === 'cut requests' && marked) || (line.doomed && !toServer)) {
      counts[marked ? 'cut requests' : 'cut answers']++
      cut(line)
      return false
    }
    if (now.kind === 'cut answers' && marked) line.doomed = true
    counts[now.kind]++
    const { part_bytes, pause_ms } = now.kind === 'trickle'
      ? now
      : { part_bytes: data.length, pause_ms: 0 }
    for (let at = 0; at < data.length; at += part_bytes) {
      if (pause_ms > 0) await pause(pause_ms)
      to.write(data.subarray(at, at + part_bytes))
    }
    return true
  }

  function pump(line: Line, from: Socket, to: Socket) {
    let before = Promise.resolve(true)
    from.on('error', () => {})
    from.on('data', (data) => {
      const since = performance.now()
      before = before.then((goesOn) => goesOn && deliver(line, data, to, since))
    })
    from.on('close', () => {
      // As when a machine dies: nobody sends again what was on its way.
      if (now.kind === 'late') cut(line)
      else void before.then(() => to.end())
    })
  }

  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    const line = { client, server, doomed: false }
    lines.add(line)
    server.on('close', () => lines.delete(line))
    pump(line, client, server)
    pump(line, server, client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))

  return {
    port: (proxy.address() as AddressInfo).port,
    counts,
    weather(next) {
      now = next
      for (const resolve of changed.splice(0)) resolve()
    },
    cutAll() {
      const count = lines.size
      for (const line of lines) cut(line)
      return count
    },
    async close() {
      now = { kind: 'fair' }
      for (const line of lines) cut(line)
      for (const resolve of changed.splice(0)) resolve()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
