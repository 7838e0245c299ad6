/** A real redis-server for tests, as a backend of the local REST endpoint. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createClient } from 'redis'
import { type Backend, CommandError, type Reply } from '../../dev/redis_backend.ts'

/** Why tests against a real Redis can't run here; undefined if they can. */
export const redisServerMissing: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'redis-server is not installed (Debian: apt-get install redis-server)'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function startServer(port: number): Promise<ChildProcess> {
  const none = ['--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', ...none])
  let log = ''
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    log += chunk.toString()
    if (!log.includes('Ready to accept connections')) continue
    return child
  }
  throw new Error(`redis-server ended: ${log}`)
}

/** Its replies as RESP2 gives them, with nested error replies as they are. */
function fromReply(reply: unknown): Reply | CommandError {
  if (reply instanceof Error) return new CommandError(reply.message)
  return reply as Reply
}

/** Starts a redis-server without persistence on a free port. */
export async function startRedisServer(): Promise<Backend & { port: number }> {
  const port = await freePort()
  const child = await startServer(port)
  const client = createClient({ socket: { host: '127.0.0.1', port }, RESP: 2 })
  client.on('error', () => {})
  await client.connect()
  const send = (command: string[]) => client.sendCommand<unknown>(command).catch((e: unknown) => e)

  return {
    port,
    run: async (commands) => (await Promise.all(commands.map(send))).map(fromReply),
    // Sent in one go on the one connection: nobody else's command gets in between.
    async transact(commands) {
      const sent = [['MULTI'], ...commands, ['EXEC']].map(send)
      const replies = await sent.at(-1)
      if (replies instanceof Error) throw new CommandError(replies.message)
      return (replies as unknown[]).map(fromReply)
    },
    async close() {
      client.destroy()
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
