/** Lists of debits over HTTP: one service for all of it. */
import './debits/items.ts'
import './debits/keys.ts'
