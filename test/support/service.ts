/** A running service for a test: its own database, its own store, a free port, either runtime. */
import { readFileSync } from 'node:fs'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { startRedisRest } from '../../dev/redis_rest.ts'
import type { Service } from '../../src/service.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { nodeCommand, PROJECT } from './run_typescript.ts'

export const onDeno = 'Deno' in globalThis

/** The entry itself, without a task runner in between, with the task's permissions. */
export function serveCommand(): string[] {
  if (!onDeno) return nodeCommand('src/node.ts')
  const { tasks } = JSON.parse(readFileSync(`${PROJECT}/deno.json`, 'utf8')) as {
    tasks: { serve: string }
  }
  return [process.execPath, ...tasks.serve.split(' ').slice(1)]
}

/** `serve` of the entry for the runtime that the tests run on. */
export async function serve(config: Config): Promise<Service> {
  const entry = onDeno ? '../../src/deno.ts' : '../../src/node.ts'
  return await (await import(entry) as { serve: (config: Config) => Promise<Service> }).serve(
    config,
  )
}

export interface TestService {
  url: string
  database: TestDatabase
  redis: { url: string; token: string; close(): Promise<void> }
  /** Stops the service; the rest stays until `close`. */
  stop(): Promise<void>
  /** Starts it again where it was. */
  restart(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a service as `ledger_service`; `config` overrides what it is given.
 * @example
 * const service = await startTestService({ maxQueue: 1 })
 * onTestFinished(() => service.close())
 * const response = await fetch(`${service.url}/users/1`)
 */
export async function startTestService(config: Partial<Config> = {}): Promise<TestService> {
  const database = await createDatabase()
  const redis = await startRedisRest({})
  const settings: Config = {
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: database.serviceUrl,
    // Longer than by default: that a machine has much to do makes nothing busy.
    redis: { url: redis.url, token: redis.token, timeoutMs: 60_000 },
    requestDeadlineMs: 10_000,
    ...config,
  }
  let service = await serve(settings)
  const { url } = service
  return {
    url,
    database,
    redis,
    stop: () => service.stop(),
    async restart() {
      service = await serve({ ...settings, port: Number(new URL(url).port) })
    },
    async close() {
      await service.stop()
      await redis.close()
      await database.drop()
    },
  }
}
