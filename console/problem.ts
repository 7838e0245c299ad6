/** Says what went wrong and what to do about it. */
import { LedgerError, type Problem, ProblemError, UnreachableError } from '../client/ledger.ts'
import { definitions, element } from './element.ts'
import { type FieldInput, setFault } from './field.ts'
import { money } from './format.ts'

type Code = Problem['code']

/** What a person can do; a code without a line has a detail that says it. */
const ADVICE: Partial<Record<Code, string>> = {
  unauthorized: 'Sign in with a valid token, and try again.',
  forbidden: 'Ask whoever runs the ledger for the scope or the user that this needs.',
  unknown_user: 'Check the number.',
  hold_not_active: 'Look at the list of holds again.',
  already_reversed: 'Nothing is left to do: look at the entry that took it back.',
  user_frozen: 'Somebody has to thaw the user first.',
  insufficient_funds: 'Go back and choose an amount that is available.',
  expiry_not_later: 'Go back and choose a later end.',
  too_many_holds: 'Release or capture holds that nobody needs any more.',
  idempotency_key_reused: 'Go back, look at the history, and start again.',
  balance_out_of_range: 'Go back and choose a smaller amount.',
  same_user: 'Go back and choose another user.',
  rate_limited: 'Wait a moment and try again.',
  busy: 'Nothing was done. Try again.',
  outcome_unknown: 'Try again: it has the same key, so it is done once.',
  internal: 'Tell whoever runs the ledger.',
}

/** Whether the same request may succeed, or tell what became of it, a moment later. */
export const isRepeatable = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  error instanceof ProblemError &&
    ['busy', 'outcome_unknown', 'rate_limited', 'internal', 'unauthorized'].includes(error.code)

/** The fields that a refusal is about, by its code. */
const FIELDS: Partial<Record<Code, string>> = {
  insufficient_funds: 'amount',
  balance_out_of_range: 'amount',
  expiry_not_later: 'expires_in',
  unknown_user: 'to',
  same_user: 'to',
}

/** The field that an error is about, by its name in the request, and what is wrong with it. */
function faultOf(error: unknown): { name: string; text: string } | undefined {
  if (!(error instanceof ProblemError)) return undefined
  const { errors: [first] = [], title } = error.problem
  if (first) return { name: first.path, text: first.message }
  const name = FIELDS[error.code as Code]
  return name === undefined ? undefined : { name, text: title }
}

/** Says it below the field that an error is about, too, if it is one of these; and goes there. */
export function showFault(fields: readonly FieldInput[], error: unknown): void {
  const { name, text } = faultOf(error) ?? {}
  const field = fields.find((one) => one.name === name)
  if (!field || text === undefined) return
  setFault(field, text)
  field.focus()
}

/** An error as it is shown: title, code, detail, what to do. */
export function explain(error: unknown): HTMLElement {
  if (!(error instanceof ProblemError)) {
    const text = error instanceof LedgerError ? error.message : String(error)
    const advice = error instanceof UnreachableError
      ? 'The ledger did not answer. Check the connection and try again.'
      : undefined
    return problem(text, undefined, advice)
  }
  const { title, detail, errors = [], shortfall } = error.problem as Problem
  const faults = errors.map(({ path, message }) => [path, message] as const)
  return problem(
    title,
    error.code,
    detail,
    ADVICE[error.code as Code],
    definitions([
      ...faults,
      ['Short of', shortfall === undefined ? undefined : money(shortfall)],
    ]),
  )
}

function problem(title: string, code: string | undefined, ...rest: (string | Node | undefined)[]) {
  return element(
    'div',
    { class: 'problem' },
    element('strong', {}, title, ' '),
    code === undefined ? undefined : element('code', {}, code),
    ...rest.map((one) => typeof one === 'string' ? element('p', {}, one) : one),
  )
}
