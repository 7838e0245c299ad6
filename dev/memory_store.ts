/** The few Redis commands that the service uses, in memory, with Redis' own rules and errors. */
import { createKeyspace, type Keyspace, type KeyspaceLimits, type SortedSet } from './keyspace.ts'
import {
  compareMembers,
  formatScore,
  parseInteger,
  parseScore,
  rankRange,
  syntaxError,
  unknownCommand,
  wrongNumber,
  wrongType,
} from './redis_arguments.ts'
import { type Backend, CommandError, type Reply } from './redis_backend.ts'

interface Command {
  /** Counts the name, as in Redis: a positive one is exact, a negative one the least. */
  arity: number
  run: (args: string[]) => Reply
}

export interface MemoryStoreOptions extends Partial<KeyspaceLimits> {
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

const MAX_INTEGER = 2n ** 63n - 1n

/** A backend that forgets everything when the process ends. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Backend {
  const { maxKeys = 100_000, maxBytes = 256 * 1024 * 1024 } = options
  const keys = createKeyspace({ maxKeys, maxBytes }, options.now ?? (() => performance.now()))

  const commands = new Map(Object.entries({
    ...commandsOfConnections(keys),
    ...commandsOfStrings(keys),
    ...commandsOfSortedSets(keys),
  }))

  function accept([name = '', ...args]: string[]): () => Reply {
    const command = commands.get(name.toLowerCase())
    if (!command) throw unknownCommand(name, args)
    const { arity, run } = command
    const given = args.length + 1
    if (arity < 0 ? given < -arity : given !== arity) throw wrongNumber(name.toLowerCase())
    return () => run(args)
  }

  function attempt(run: () => Reply): Reply | CommandError {
    try {
      return run()
    } catch (error) {
      if (error instanceof CommandError) return error
      throw error
    }
  }

  function accepted(batch: string[][]): (() => Reply)[] {
    try {
      return batch.map(accept)
    } catch {
      throw new CommandError('EXECABORT Transaction discarded because of previous errors.')
    }
  }

  return {
    run: (batch) => Promise.resolve(batch.map((command) => attempt(() => accept(command)()))),
    // Nothing here waits, so nobody else's command can come in between.
    transact: async (batch) => {
      await Promise.resolve()
      return accepted(batch).map(attempt)
    },
    close: () => Promise.resolve(),
  }
}

/** Of the connection, and of the whole store. */
function commandsOfConnections(keys: Keyspace): Record<string, Command> {
  return {
    ping: {
      arity: -1,
      run([message = 'PONG', ...more]) {
        if (more.length > 0) throw wrongNumber('ping')
        return message
      },
    },
    flushall: {
      arity: -1,
      run(args) {
        if (args.length > 1 || !/^a?sync$/i.test(args[0] ?? 'sync')) throw syntaxError()
        keys.clear()
        return 'OK'
      },
    },
  }
}

/** Of strings, and of how long keys live. */
function commandsOfStrings(keys: Keyspace): Record<string, Command> {
  return {
    get: {
      arity: 2,
      run([key = '']) {
        const value = keys.get(key) ?? null
        if (value !== null && typeof value !== 'string') throw wrongType()
        return value
      },
    },
    set: {
      arity: -3,
      run([key = '', value = '', ...more]) {
        if (more.length > 0) throw syntaxError()
        keys.set(key, value)
        keys.expireIn(key, Infinity)
        return 'OK'
      },
    },
    pexpire: {
      arity: -3,
      run([key = '', text = '', option]) {
        if (option !== undefined) throw new CommandError(`ERR Unsupported option ${option}`)
        const ttlMs = parseInteger(text)
        if (ttlMs > MAX_INTEGER - BigInt(Date.now())) {
          throw new CommandError("ERR invalid expire time in 'pexpire' command")
        }
        if (keys.ttl(key) === undefined) return 0
        if (ttlMs > 0n) keys.expireIn(key, Number(ttlMs))
        else keys.delete(key)
        return 1
      },
    },
    pttl: {
      arity: 2,
      run([key = '']) {
        const ttlMs = keys.ttl(key)
        if (ttlMs === undefined) return -2
        return ttlMs === Infinity ? -1 : Math.ceil(ttlMs)
      },
    },
  }
}

/** Of sorted sets. */
function commandsOfSortedSets(keys: Keyspace): Record<string, Command> {
  function sortedSet(key: string): SortedSet {
    const value = keys.get(key) ?? new Map<string, number>()
    if (typeof value === 'string') throw wrongType()
    return value
  }

  function slice(key: string, start: string, stop: string): [string, number][] {
    // The range first: Redis answers a bad one before it looks at the key.
    const range = rankRange(start, stop)
    const set = sortedSet(key)
    return [...set].toSorted(compareMembers).slice(...range(set.size))
  }

  function remove(key: string, members: string[]): number {
    const old = sortedSet(key)
    const gone = new Set(members)
    const set = new Map([...old].filter(([member]) => !gone.has(member)))
    if (set.size === 0) keys.delete(key)
    else if (set.size < old.size) keys.set(key, set)
    return old.size - set.size
  }

  return {
    zadd: {
      arity: -4,
      run([key = '', ...pairs]) {
        if (pairs.length % 2 === 1) throw syntaxError()
        const scores = pairs.filter((_, i) => i % 2 === 0).map(parseScore)
        const old = sortedSet(key)
        const set = new Map(old)
        scores.forEach((score, i) => set.set(pairs[2 * i + 1]!, score))
        keys.set(key, set)
        return set.size - old.size
      },
    },
    zrange: {
      arity: -4,
      run([key = '', start = '', stop = '', ...more]) {
        if (more.some((option) => option.toLowerCase() !== 'withscores')) throw syntaxError()
        const found = slice(key, start, stop)
        if (more.length === 0) return found.map(([member]) => member)
        return found.flatMap(([member, score]) => [member, formatScore(score)])
      },
    },
    zrem: { arity: -3, run: ([key = '', ...members]) => remove(key, members) },
    zremrangebyrank: {
      arity: 4,
      run: ([key = '', start = '', stop = '']) =>
        remove(key, slice(key, start, stop).map(([member]) => member)),
    },
  }
}
