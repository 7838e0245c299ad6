/** The console while access is off: one service and one browser for all of it. */
import './reading.ts'
import './writing.ts'
import './accessibility.ts'
