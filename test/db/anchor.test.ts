/** `npm run anchor`, and what `npm run verify` finds by its anchors. */
import './anchor/making.ts'
import './anchor/findings.ts'
import './anchor/rewrites.ts'
