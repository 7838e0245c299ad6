/** The service on Node: `npm run serve`. */
import { appendFile, fstatSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main, type Serve, serveOn } from './entry.ts'

const STDOUT = 1

/** Never blocks: Node writes to a pipe as it is taken, but at a file it would wait for the disk. */
const write = (text: string) =>
  new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => error ? reject(error) : resolve()
    if (isFile) appendFile(STDOUT, text, done)
    else process.stdout.write(text, done)
  })
const isFile = fstatSync(STDOUT).isFile()

export const serve: Serve = (config) => {
  // A reader of the log that goes away doesn't take the service along.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  return serveOn({ write })(config)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(serve)
