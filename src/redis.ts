/** Redis over REST, as a service has to use it that may not wait for it, nor believe it. */
import { type Pipeline, Redis } from '@upstash/redis'

export interface RedisReply {
  result?: unknown
  error?: unknown
}

export interface RedisClient {
  /** Sends the commands together; each has its own result or error. */
  pipeline(build: (commands: Pipeline) => void, timeoutMs: number): Promise<RedisReply[]>
  /** The same as one transaction. */
  multi(build: (commands: Pipeline) => void, timeoutMs: number): Promise<RedisReply[]>
}

/** Far more than any batch of snapshots; what is larger isn't worth the time to parse. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  const reader = response.body!.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength
    if (bytes > MAX_ANSWER_BYTES) {
      await reader.cancel()
      throw new Error('the answer of Redis is too large')
    }
    chunks.push(part.value)
  }
  return await new Blob(chunks).text()
}

/**
 * A client whose calls end in time, in one attempt. The transport is our own: that of the package
 * tries a second time even with `retry: false`, reads answers of any size, and puts the
 * commands, and so balances, into its error messages.
 */
export function createRedisClient({ url, token }: { url: string; token: string }): RedisClient {
  const redis = new Redis({
    url,
    token,
    retry: false,
    enableAutoPipelining: false,
    automaticDeserialization: false,
    readYourWrites: false,
    enableTelemetry: false,
  })
  const base = url.replace(/\/+$/, '')
  let timeoutMs = 0

  redis.use(async ({ path = [], body }) => {
    const response = await fetch([base, ...path].join('/'), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // Whoever may redirect would get to see the token.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (response.ok && response.body) return JSON.parse(await textOf(response))
    await response.body?.cancel()
    throw new Error(`Redis answered with status ${response.status}`)
  })

  async function send(commands: Pipeline, limitMs: number): Promise<RedisReply[]> {
    // exec() starts the request before it returns, so this is the limit of this call.
    timeoutMs = Math.max(1, Math.ceil(limitMs))
    const replies: RedisReply[] = await commands.exec({ keepErrors: true })
    if (replies.length !== commands.length()) throw new Error('Redis left commands unanswered')
    return replies
  }

  return {
    pipeline(build, limitMs) {
      const commands = redis.pipeline()
      build(commands)
      return send(commands, limitMs)
    },
    multi(build, limitMs) {
      const commands = redis.multi()
      build(commands)
      return send(commands, limitMs)
    },
  }
}
