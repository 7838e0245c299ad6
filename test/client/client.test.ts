/** The client from its source: what it repeats, throws and checks. */
import './client/calls.ts'
import './client/reading.ts'
