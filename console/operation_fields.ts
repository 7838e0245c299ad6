/** The fields of operations. */
import { element } from './element.ts'
import { choice } from './field.ts'
import type { Field } from './operation_dialog.ts'

const numberInput = (attributes: Record<string, string | boolean>): HTMLInputElement =>
  element('input', { autocomplete: 'off', class: 'number', ...attributes })

/** With a hint it may be left empty. */
export const amountField = (hint?: string): Field => ({
  name: 'amount',
  label: 'Amount',
  ...(hint !== undefined && { hint }),
  input: numberInput({
    inputmode: 'decimal',
    required: hint === undefined,
    pattern: '(0|[1-9][0-9]{0,9})([.][0-9]{1,2})?',
    title: 'Digits, and a point before at most two decimals, such as 1250.50.',
  }),
})

/** The user who gets a transfer. */
export const peerField = (): Field => ({
  name: 'to',
  label: 'To user',
  input: numberInput({
    inputmode: 'numeric',
    required: true,
    pattern: '[1-9][0-9]{0,14}',
    title: 'The number of a user, such as 17.',
  }),
})

/** Seconds from now, and what they are called. */
const EXPIRIES: readonly (readonly [string, string])[] = [
  ['', 'never'],
  ['3600', 'in an hour'],
  ['86400', 'in a day'],
  ['604800', 'in a week'],
  ['2592000', 'in 30 days'],
]

/** When a hold expires. */
export const expiryField = (hint?: string): Field => ({
  name: 'expires_in',
  label: 'Expires',
  ...(hint !== undefined && { hint }),
  input: choice({}, EXPIRIES),
})

/** What an expiry is called. */
export const expiryName = (seconds: string | undefined): string =>
  EXPIRIES.find(([value]) => value === seconds)![1]
