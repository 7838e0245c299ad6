/** Redis over REST, in a process of its own. */
import { startRedisRest } from '../../dev/redis_rest.ts'

const { url } = await startRedisRest({ token: process.env['TOKEN']! })
console.log(`Redis listens on ${url}`)
