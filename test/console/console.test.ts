/** The console while access is off: one service and one browser for all of it. */
import './reading.ts'
import './entries.ts'
import './writing.ts'
import './holding.ts'
import './keyboard.ts'
import './live.ts'
import './outage.ts'
import './accessibility.ts'
