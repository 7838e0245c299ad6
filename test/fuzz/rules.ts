/** What every answer has to be like, whatever was asked. */
import { PROBLEMS } from '../../src/core/errors.ts'
import { type Document, operationsOf, schemaFaults, undocumented } from '../support/openapi.ts'
import type { Answer } from './connection.ts'
import type { Request } from './request.ts'

/** What only the inside of the service says: stacks, SQL, names of files, roles and functions. */
const LEAKS = [
  /\bat [\w.<>]+ \(/,
  /\bat (async )?[\w./:-]+:\d+:\d+/,
  /\.(ts|mjs|cjs|js|sql):\d+/,
  /node_modules|node:internal|\bext:|file:\/\//,
  /PostgresError|TypeError|RangeError|SyntaxError|ZodError/,
  /\b(SQLSTATE|LG(USR|AMT|FND|KEY|RNG|HLD|ENT|REV|SAM|IMM))\b/,
  /\b(post_entries|payment_history|ledger_service|ledger_owner|pg_\w+|plpgsql)\b/,
  /violates \w+ constraint|syntax error at|duplicate key|invalid input syntax|relation "/,
  /ECONN|EPIPE|CONNECTION_|postgres(ql)?:\/\//,
]

/** Of what isn't valid: as a request, or because its head is late or too large. */
const NO_REQUEST: number[] = [400, 408, 431]

/** What an operation is called in the document, or why there is none for a request. */
export type Route =
  | { method: string; path: string }
  | { code: 'not_found' }
  | { code: 'method_not_allowed'; allow: string }

/** As the router reads it: decoded as far as it goes, but not what would be a `/`. */
export function decodedPath(target: string): string {
  const url = target.replace(/^[a-z]+:\/\/[^/?#]*/, '')
  const given = url.replace(/[?#].*/s, '')
  // The server's URL takes dot segments out.
  return new URL(`http://ledger${given}`).pathname.replace(/(?:%[\da-f]{2})+/gi, (codes) => {
    try {
      return decodeURI(codes.replaceAll('%25', '%2525'))
    } catch {
      return codes
    }
  })
}

/** The rules of the document for which path a target has. */
export function routeOf(document: Document, { method, target }: Request): Route {
  const path = decodedPath(target)
  const here = operationsOf(document).filter(([, template]) =>
    new RegExp(`^${template.replace(/\./g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`, 's').test(path)
  )
  const asked = method === 'HEAD' ? 'get' : method.toLowerCase()
  const found = here.find(([one]) => one === asked)
  if (found) return { method: asked, path: found[1] }
  if (here.length === 0) return { code: 'not_found' }
  const allow = ['get', 'post'].filter((name) => here.some(([one]) => one === name))
    .flatMap((name) => name === 'get' ? ['GET', 'HEAD'] : ['POST'])
  return { code: 'method_not_allowed', allow: allow.join(', ') }
}

/** What in an answer isn't as it is with every problem. */
export function problemFaults(document: Document, { status, headers, text }: Answer): string[] {
  if (headers['content-type'] !== 'application/problem+json') {
    return ['not application/problem+json']
  }
  const problem = JSON.parse(text) as { code: keyof typeof PROBLEMS; status: number; title: string }
  const entry = Object.hasOwn(PROBLEMS, problem.code) ? PROBLEMS[problem.code] : undefined
  if (!entry) return [`code ${problem.code} is not in the table`]
  const statuses = problem.code === 'invalid_request' ? NO_REQUEST : [entry.status]
  return [
    ...(statuses.includes(status) && problem.status === status ? [] : [`status ${problem.status}`]),
    ...(entry.title === problem.title ? [] : ['another title']),
    ...(status === 503 && headers['retry-after'] === undefined ? ['no Retry-After'] : []),
    ...schemaFaults(document, document.components.schemas['Problem']!, problem),
  ]
}

/** What an answer shows of the inside. */
export function leaksIn({ text, headers }: Answer): string[] {
  // Whoever may see who froze a user is told the role that logged in.
  const others = text.replaceAll('"role":"ledger_service"', '')
  return LEAKS.filter((leak) => leak.test(others) || leak.test(JSON.stringify(headers)))
    .map((leak) => `leaks ${leak.source}`)
}

/** Which rules an answer breaks; none is good. */
export function violationsOf(document: Document, request: Request, answer: Answer): string[] {
  const { status, headers, text } = answer
  const leaks = leaksIn(answer)
  if (status >= 500 && status !== 503) return [`status ${status}`, ...leaks]
  const route = routeOf(document, request)
  if (request.method === 'HEAD') {
    const code = 'code' in route ? route.code : undefined
    const isThere = code === undefined
      ? document.paths[(route as { path: string }).path]?.['get']?.responses[status]
      : PROBLEMS[code].status === status
    return [...(isThere ? [] : [`HEAD: ${status}`]), ...(text === '' ? [] : ['a body']), ...leaks]
  }
  const faults = status >= 400 ? problemFaults(document, answer) : []
  if (faults.length > 0) return [...faults, ...leaks]
  if (!('code' in route)) {
    const type = headers['content-type'] ?? ''
    return [...undocumented(document, route.method, route.path, { status, type, text }), ...leaks]
  }
  const { code } = status >= 400 ? JSON.parse(text) as { code: string } : { code: status }
  return [
    ...(code === route.code ? [] : [`${code}, not ${route.code}`]),
    ...('allow' in route && headers['allow'] !== route.allow ? [`Allow: ${headers['allow']}`] : []),
    ...leaks,
  ]
}
