/** A launcher that a test can kill. */
import { startPostgres } from '../../dev/embedded_postgres.ts'

const { pid } = await startPostgres({ dataDir: process.argv[2]! })
console.log(`started ${pid}`)
setInterval(() => {}, 60_000)
