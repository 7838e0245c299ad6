/**
 * The thread that talks to the server while pg_dump waits: it answers each request as a whole. Not
 * in TypeScript, which a thread of Node 20 doesn't load.
 */
import { connect } from 'node:net'
import { workerData } from 'node:worker_threads'

const { port, answered, host, serverPort } = workerData
const socket = connect(serverPort, host)
let received = Buffer.alloc(0)

function answer() {
  port.postMessage(Uint8Array.from(received))
  received = Buffer.alloc(0)
  Atomics.store(answered, 0, 1)
  Atomics.notify(answered, 0)
}

/** Whether the server waits now: it is ready for a query, or asks who this is. */
function isWhole(bytes) {
  let type = ''
  let code = 0
  let at = 0
  while (at + 5 <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) return false
    type = String.fromCharCode(bytes[at])
    code = end >= at + 9 ? bytes.readInt32BE(at + 5) : 0
    at = end
  }
  // After AuthenticationOk and AuthenticationSASLFinal it goes on by itself.
  return at === bytes.length && (type === 'Z' || (type === 'R' && code !== 0 && code !== 12))
}

port.on('message', (request) => socket.write(request))
socket.on('data', (data) => {
  received = Buffer.concat([received, data])
  if (isWhole(received)) answer()
})
socket.on('error', () => {})
socket.on('close', answer)
