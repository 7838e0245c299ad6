/**
 * One HTTP/1.1 connection, as cheap as Node has it: the requests are texts made beforehand, what
 * arrives lands in one buffer for all connections, and of an answer only its status, its length
 * and what the caller looks for is read.
 */
import { connect } from 'node:net'

export interface Answer {
  status: string
  /** The whole answer, in which the body begins at `body`. */
  text: string
  body: number
}

export interface Connection {
  /** Only after the answer to the one before. */
  send(request: string): void
  /** What the answer belongs to; the owner's. */
  user: number
  since_ms: number
  close(): void
}

const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i
const buffer = Buffer.alloc(64 * 1024)

function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = LENGTH.exec(text)?.[1]
  if (length === undefined) throw new Error('an answer without Content-Length')
  const body = end + 4
  const missing = body + Number(length) - text.length
  if (missing < 0) throw new Error('more than one answer to a request')
  return missing > 0 ? undefined : { status: text.slice(9, 12), text, body }
}

/**
 * @param onAnswer told each answer; it may send the next request
 * @param onLost told when the connection ends before `close`
 */
export function openConnection(
  url: URL,
  onAnswer: (connection: Connection, answer: Answer) => void,
  onLost: (connection: Connection) => void,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let text = ''
    let closed = false
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer,
        callback(bytes) {
          const part = buffer.toString('latin1', 0, bytes)
          text = text === '' ? part : text + part
          const answer = answerIn(text)
          if (!answer) return true
          text = ''
          onAnswer(connection, answer)
          return true
        },
      },
    })
    const connection: Connection = {
      user: 0,
      since_ms: 0,
      send: (request) => void socket.write(request, 'latin1'),
      close() {
        closed = true
        socket.destroy()
      },
    }
    socket.once('connect', () => resolve(connection))
    socket.once('error', reject)
    socket.once('close', () => {
      if (closed) return
      closed = true
      onLost(connection)
    })
  })
}
