/** `npm run migrate`, also with other migrations than those of the project. */
import { migrate } from '../../db/migrate.ts'

const [folder] = process.argv.slice(2)
try {
  await migrate(process.env['DATABASE_URL']!, console.log, folder)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
