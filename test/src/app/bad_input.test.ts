/** What no well-behaved client sends, on raw connections. */
import './bad_input/bodies.ts'
import './bad_input/heads.ts'
import './bad_input/pipelining.ts'
