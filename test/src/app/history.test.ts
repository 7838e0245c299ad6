/** All that is asked of a history over HTTP: one service for all of it. */
import './history/pages.ts'
import './history/moments.ts'
import './history/verification.ts'
import './history/reversals.ts'
import './history/statements.ts'
import './history/statement_bounds.ts'
