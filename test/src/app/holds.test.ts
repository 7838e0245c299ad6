/** Holds over HTTP: one service for all of it. */
import './holds/placing.ts'
import './holds/capture.ts'
import './holds/closing.ts'
