/** What pages of other origins send through somebody's browser, whether they ask before or not. */
import './browsers/origins.ts'
import './browsers/hosts.ts'
import './browsers/cors.ts'
