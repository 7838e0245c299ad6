/** The service on Node: `npm run serve`. */
import { appendFile, fstatSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main, type Serve, serveOn } from './main.ts'

/**
 * Returns a function that writes to this stream and never blocks. Node writes to a pipe without
 * blocking, but a write to a file would wait for the disk.
 */
function writerTo(stream: NodeJS.WriteStream & { fd: 1 | 2 }) {
  const isFile = fstatSync(stream.fd).isFile()
  return (text: string) =>
    new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => error ? reject(error) : resolve()
      if (isFile) appendFile(stream.fd, text, done)
      else stream.write(text, done)
    })
}

const write = writerTo(process.stdout)

const ignore = () => {}

/** Starts the service with a server of Node. */
export const serve: Serve = (config) => {
  // A log whose reader has gone away must not end the service, whoever else listens for that.
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', ignore).on('error', ignore)
  }
  return serveOn({ name: `node ${process.versions.node}`, write })(config)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(serve, writerTo(process.stderr))
