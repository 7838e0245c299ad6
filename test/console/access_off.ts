/** A service without access, and the console on it. */
import { useHttp } from '../support/http.ts'
import { useConsole } from './browser.ts'

export const http = useHttp()
export const shown = useConsole(http)
