/** The service on Deno: `deno task serve`. */
import process from 'node:process'
import { type Config, loadConfig } from './config.ts'
import { type Listen, type Service, startService } from './service.ts'

const listen: Listen = (fetch, { host, port }) =>
  new Promise((resolve, reject) => {
    try {
      const server = Deno.serve({
        hostname: host,
        port,
        onListen: ({ port }) =>
          resolve({
            url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
            drain: () => server.shutdown(),
            cut: () => {},
          }),
      }, fetch)
    } catch (error) {
      const { name } = error as Error
      reject(new Error(`HOST and PORT: can't listen on ${host} ${port} (${name})`))
    }
  })

export const serve = (config: Config): Promise<Service> => startService(config, listen)

async function main(): Promise<void> {
  try {
    process.loadEnvFile()
  } catch {
    // There needn't be one.
  }
  const service = await serve(loadConfig(process.env))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    Deno.addSignalListener(signal, () => void service.stop().then(() => Deno.exit(0)))
  }
}

if (import.meta.main) {
  main().catch((error: Error) => {
    console.error(error.message)
    Deno.exit(1)
  })
}
