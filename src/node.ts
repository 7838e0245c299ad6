/** The service on Node: `npm run serve`. */
import { fileURLToPath } from 'node:url'
import { main, type Serve, serveOn } from './entry.ts'

/** Never blocks: on POSIX Node writes to pipes as they take it. */
const write = (text: string) =>
  new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => error ? reject(error) : resolve())
  })

export const serve: Serve = (config) => {
  // A reader of the log that goes away doesn't take the service along.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  return serveOn({ write })(config)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(serve)
