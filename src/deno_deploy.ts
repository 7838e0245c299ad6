/** The service on Deno Deploy, which listens for it, and gives it network and environment only. */
import { startAtEdge } from './edge.ts'

const respond = await startAtEdge(Deno.env.toObject(), {
  name: `deno ${Deno.version.deno}`,
  residentBytes: () => Deno.memoryUsage().rss,
})

Deno.serve((request, { remoteAddr }) =>
  respond(request, 'hostname' in remoteAddr ? remoteAddr.hostname : '')
)
