/** A client of Redis over REST whose calls end in time, and whose answers are not trusted. */
import { type Pipeline, Redis } from '@upstash/redis'

export interface RedisReply {
  result?: unknown
  error?: unknown
}

export interface RedisClient {
  /**
   * Sends the commands together; each has its own result or error.
   * @throws Error without an answer that can be read within `timeoutMs`
   */
  pipeline(build: (commands: Pipeline) => void, timeoutMs: number): Promise<RedisReply[]>
  /** The same as one transaction (MULTI … EXEC). */
  multi(build: (commands: Pipeline) => void, timeoutMs: number): Promise<RedisReply[]>
}

/**
 * The largest answer in bytes that is read, besides MAX_REPLY_BYTES for each command. Parsing an
 * answer of 4 MiB that was made for the purpose would take half a second.
 */
const MAX_ANSWER_BYTES = 64 * 1024
const MAX_REPLY_BYTES = 1024

export interface RedisTarget {
  url: string
  token: string
  /**
   * Called with the reason why a call, or a command in it, failed. It has nothing of what was sent.
   */
  onError?: (error: unknown) => void
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  const reader = response.body!.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength
    if (bytes > maxBytes) {
      await reader.cancel()
      throw new Error('the answer of Redis is too large')
    }
    chunks.push(part.value)
  }
  return await new Blob(chunks).text()
}

/** Parses an answer. The error has no text of the answer in it, as that of JSON.parse would. */
function parsed(text: string): { result?: unknown; error?: string } {
  try {
    return JSON.parse(text) as object
  } catch {
    throw new Error('the answer of Redis is no JSON')
  }
}

/** The first word of an error, such as OOM or READONLY. What follows may repeat the command. */
const kindOf = (error: unknown): string => /^[A-Z]{1,20}\b/.exec(String(error))?.[0] ?? 'unknown'

/**
 * Creates a client for one call at a time, which makes one attempt and ends in time. It has a
 * transport of its own: that of @upstash/redis tries a second time even with `retry: false`, reads
 * answers of any size, and puts commands, and so balances, into its error messages.
 */
export function createRedisClient({ url, token, onError }: RedisTarget): RedisClient {
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
  let maxBytes = 0

  redis.use(async ({ path = [], body }) => {
    const response = await fetch([base, ...path].join('/'), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // A redirect would send the token elsewhere. Cloudflare Workers don't know 'error'.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (response.ok && response.body) return parsed(await textOf(response, maxBytes))
    await response.body?.cancel()
    throw new Error(`Redis answered with status ${response.status}`)
  })

  async function send(commands: Pipeline, limitMs: number): Promise<RedisReply[]> {
    // exec() starts the request before it returns, and a client has one call at a time, so this
    // variable belongs to this call.
    maxBytes = MAX_ANSWER_BYTES + MAX_REPLY_BYTES * commands.length()
    timeoutMs = Math.max(1, Math.ceil(limitMs))
    try {
      const replies: RedisReply[] = await commands.exec({ keepErrors: true })
      if (replies.length !== commands.length()) throw new Error('Redis left commands unanswered')
      const refused = replies.find(({ error }) => error !== undefined && error !== null)
      if (refused) onError?.(new Error(`Redis refused a command: ${kindOf(refused.error)}`))
      return replies
    } catch (error) {
      onError?.(error)
      throw error
    }
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
