/**
 * pg_dump of PostgreSQL 18, compiled to WebAssembly for another database: what it sends goes to a
 * server instead. With TOOLS, a folder of packages, and the URL of a database it prints the dump.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'

/** As much of that database as pg_dump uses. */
interface Database {
  query(text: string): Promise<{ rows: { search_path: string }[] }>
  exec(text: string): Promise<void>
  execProtocolRawStream(
    bytes: Uint8Array,
    options: { onRawData: (bytes: Uint8Array) => void },
  ): void
}

type PgDump = (options: { pg: Database; args: string[] }) => Promise<File>

const [tools, address] = process.argv.slice(2)
const url = new URL(address!)
const { port1, port2 } = new MessageChannel()
const answered = new Int32Array(new SharedArrayBuffer(4))
const server = new Worker(new URL('pg_dump_server.mjs', import.meta.url), {
  workerData: { port: port2, answered, host: url.hostname, serverPort: Number(url.port) },
  transferList: [port2],
})

const PROTOCOL_3 = 196_608
const GIVE_UP_MS = 60_000
let isStarted = false
let request = Buffer.alloc(0)

/** Whether the server will answer: it has all of the startup, or of a query, sync or password. */
function isWhole(bytes: Buffer): boolean {
  if (!isStarted) {
    if (bytes.length < 8 || bytes.length < bytes.readInt32BE(0)) return false
    isStarted = bytes.readInt32BE(4) === PROTOCOL_3
    return true
  }
  let type = ''
  let at = 0
  while (at + 5 <= bytes.length) {
    type = String.fromCharCode(bytes[at]!)
    at += 1 + bytes.readInt32BE(at + 1)
  }
  return at === bytes.length && 'QSp'.includes(type)
}

const pg: Database = {
  // It puts back the search path of a session that goes on; this one doesn't.
  query: () => Promise.resolve({ rows: [{ search_path: '' }] }),
  exec: () => Promise.resolve(),
  execProtocolRawStream(bytes, { onRawData }) {
    request = Buffer.concat([request, bytes])
    if (!isWhole(request)) return
    Atomics.store(answered, 0, 0)
    port1.postMessage(Uint8Array.from(request))
    request = Buffer.alloc(0)
    // Without an answer by then there is no message, which ends the program.
    Atomics.wait(answered, 0, 0, GIVE_UP_MS)
    const { message } = receiveMessageOnPort(port1) as { message: Uint8Array }
    onRawData(message)
  },
}

const load = createRequire(join(tools!, 'package.json')) as (name: string) => unknown
const { pgDump } = load('@electric-sql/pglite-tools/pg_dump') as { pgDump: PgDump }
const { username, password, pathname } = url
const database = `dbname=${pathname.slice(1)} user=${username} password=${password}`
const dump = await pgDump({ pg, args: ['-d', database] })
process.stdout.write(await dump.text())
await server.terminate()
port1.close()
