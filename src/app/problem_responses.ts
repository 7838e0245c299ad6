/**
 * The problems of the OpenAPI document: a response for each set of codes that a status can have.
 */
import { Problem, type ProblemCode, PROBLEMS } from '../core/errors.ts'
import { type HeaderName, headerRef } from './describe.ts'
import { EVENT_CURSOR } from './examples.ts'

/** Members of a problem besides those that every one has. */
const DETAILS: { [Code in ProblemCode]?: Record<string, unknown> } = {
  invalid_request: { errors: [{ path: 'amount', message: 'must be more than zero' }] },
  cursor_gone: { resume: EVENT_CURSOR },
  insufficient_funds: {
    balance: '900.00',
    available: '900.00',
    required: '1000.00',
    shortfall: '100.00',
  },
}

const HEADERS_BY_STATUS: Record<number, HeaderName[]> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
}

/** What problems of all operations have in common: of `components`. */
export interface ProblemComponents {
  responses: Record<string, object>
  examples: Record<string, object>
}

function exampleOf(code: ProblemCode, publicPath: string) {
  const problem = new Problem(code, DETAILS[code]).membersAt(publicPath)
  return { summary: PROBLEMS[code].title, value: problem }
}

const pascalCase = (code: string) =>
  code.split('_').map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')

/**
 * The responses for what an operation can end in, by status: references to `components`, which get
 * what they don't have yet.
 */
export function problemResponses(
  codes: ProblemCode[],
  { responses, examples }: ProblemComponents,
  publicPath: string,
): Record<string, { $ref: string }> {
  const byStatus: Record<string, ProblemCode[]> = {}
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    if (codes.includes(code)) (byStatus[PROBLEMS[code].status] ??= []).push(code)
  }
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, all]) => {
      const name = all.map(pascalCase).join('Or')
      responses[name] ??= problemResponse(Number(status), all)
      for (const code of all) examples[code] ??= exampleOf(code, publicPath)
      return [status, { $ref: `#/components/responses/${name}` }]
    }),
  )
}

function problemResponse(status: number, codes: ProblemCode[]) {
  const headers = HEADERS_BY_STATUS[status] ?? []
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join(' '),
    headers: Object.fromEntries(headers.map((name) => [name, headerRef(name)])),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: '#/components/schemas/Problem' }, {
            type: 'object',
            properties: { code: { type: 'string', enum: codes } },
          }],
        },
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  }
}
