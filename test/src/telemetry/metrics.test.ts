/** Metrics of a service: one for all of it. */
import './metrics/counts.ts'
import './metrics/labels.ts'
