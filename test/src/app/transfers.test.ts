/** Transfers over HTTP: one service for all of it. */
import './transfers/moving.ts'
import './transfers/waiting.ts'
