/** Bytes to a service, and its answers: no library in between that repairs what goes either way. */
import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  /** By lower-case name; lines of the same name are joined. */
  headers: Record<string, string>
  text: string
}

/** How long an answer may take before it counts as none. */
const PATIENCE_MS = 200_000
const HEAD_END = Buffer.from('\r\n\r\n')

/** A body in chunks, and how many bytes it took; undefined while it isn't all there. */
function dechunked(bytes: Buffer): { body: Buffer; length: number } | undefined {
  const parts: Buffer[] = []
  for (let at = 0;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16)
    const next = end + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) return { body: Buffer.concat(parts), length: next }
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = next
  }
}

interface Found {
  answer: Answer
  /** How many bytes it took. */
  length: number
}

/**
 * The first answer in `bytes`; undefined while it isn't all there.
 * @throws Error if they are no HTTP
 */
function firstIn(bytes: Buffer, method: string, isEnd: boolean): Found | undefined {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) return undefined
  const [line, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line!)?.[1])
  if (Number.isNaN(status)) throw new Error(`not HTTP: ${line}`)
  const headers: Record<string, string> = {}
  for (const header of lines) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(header) ?? []
    if (name === undefined) throw new Error(`not a header: ${header}`)
    const lower = name.toLowerCase()
    headers[lower] = headers[lower] === undefined ? value! : `${headers[lower]}, ${value}`
  }
  const start = end + HEAD_END.length
  const found = (body: Buffer, length: number) => ({
    answer: { status, headers, text: body.toString('utf8') },
    length: start + length,
  })
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return found(Buffer.alloc(0), 0)
  }
  const rest = bytes.subarray(start)
  if (headers['transfer-encoding'] !== undefined) {
    const all = dechunked(rest)
    return all && found(all.body, all.length)
  }
  const length = headers['content-length']
  if (length === undefined) return isEnd ? found(rest, rest.length) : undefined
  return rest.length < Number(length) ? undefined : found(rest.subarray(0, +length), +length)
}

export class Connection {
  /** The server has ended it. */
  isClosed = false
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #wake = () => {}

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    // Half of it may go on when the other has ended.
    this.#socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (data: Buffer) => {
      this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, data]) : data
      this.#wake()
    })
    const close = () => {
      this.isClosed = true
      this.#wake()
    }
    // A server that has seen enough may reset what we still send.
    this.#socket.on('error', close)
    this.#socket.on('end', close)
    this.#socket.on('close', close)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Ends our side; the server can still answer. */
  end(): void {
    this.#socket.end()
  }

  /**
   * The next answer to a request of this method. Undefined: the server closed the connection, or
   * the time is over, without a whole one.
   * @throws Error if what comes is no HTTP
   */
  async answer(method: string, patienceMs = PATIENCE_MS): Promise<Answer | undefined> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      const found = this.#received.length > 0 && firstIn(this.#received, method, this.isClosed)
      if (found) {
        this.#received = this.#received.subarray(found.length)
        // Only says that the answer is to come.
        if (found.answer.status < 200) continue
        return found.answer
      }
      const left = deadline - performance.now()
      if (this.isClosed || left <= 0) return undefined
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** What came that is no whole answer. */
  get rest(): string {
    return this.#received.toString('latin1')
  }

  close(): void {
    this.#socket.destroy()
  }
}
