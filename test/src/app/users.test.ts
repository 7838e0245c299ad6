/** Users, debits, credits and recalculations over HTTP: one service for all of it. */
import './users/making.ts'
import './users/reading.ts'
import './users/amounts.ts'
import './users/metadata.ts'
import './users/keys.ts'
import './users/funds.ts'
import './users/recalculation.ts'
import './users/waiting.ts'
