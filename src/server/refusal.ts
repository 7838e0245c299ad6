/** What the server responds to bytes that aren't HTTP. */
import { publicPathOf } from '../config/edge_config.ts'
import type { Limits } from '../config/limits.ts'
import { codeOf } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'

/** The response to what isn't a request. */
export interface Refusal {
  status: number
  body: string
}

export type ServerSettings = Limits & { publicUrl?: string }

/** The response to what isn't a request, by the error of the parser. */
export function refusalOf(
  error: unknown,
  { maxHeaderBytes, headersDeadlineMs, publicUrl }: ServerSettings,
): Refusal {
  const refusal = (status: number, message: string) => {
    const problem = invalidRequest([{ path: [], message }])
    return {
      status,
      body: JSON.stringify({ ...problem.membersAt(publicPathOf(publicUrl)), status }),
    }
  }
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return refusal(431, `The head must be at most ${maxHeaderBytes} bytes.`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal(408, `The head must arrive within ${headersDeadlineMs / 1000} seconds.`)
    default:
      return refusal(400, 'The request is not valid HTTP.')
  }
}
