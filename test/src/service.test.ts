/** Two instances on one database and one Redis: neither shows what the other has made untrue. */
import './service/changes.ts'
import './service/redis.ts'
import './service/readiness.ts'
