/** GET /events: every event once and in order, as pages and as a stream. */
import './events/pages.ts'
import './events/stream.ts'
