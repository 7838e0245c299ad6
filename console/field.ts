/** Fields: each with its label above, and what is wrong with it below. */
import { type Attributes, element } from './element.ts'

export type FieldInput = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

let count = 0

/** A field with its label above it, and a hint below. */
export function labelled(label: string, field: FieldInput, hint?: string): HTMLElement {
  field.id = `field-${++count}`
  const [hintId, faultId] = [`${field.id}-hint`, `${field.id}-fault`]
  const described = hint === undefined ? faultId : `${faultId} ${hintId}`
  field.setAttribute('aria-describedby', described)
  return element(
    'div',
    { class: 'field' },
    element('label', { for: field.id }, label),
    field,
    element('small', { id: faultId, class: 'fault' }),
    hint === undefined ? undefined : element('small', { id: hintId }, hint),
  )
}

/** Says below a field what is wrong with it; an empty text: nothing. */
export function setFault(field: FieldInput, text: string): void {
  if (text === '') field.removeAttribute('aria-invalid')
  else field.setAttribute('aria-invalid', 'true')
  field.parentElement?.querySelector('.fault')?.replaceChildren(text)
}

const isField = (target: EventTarget | null): target is FieldInput =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement ||
  target instanceof HTMLTextAreaElement

/** Has a form say below each field what is wrong with it, until that is changed. */
export function showFaults(form: HTMLFormElement): void {
  form.addEventListener('invalid', (event) => {
    event.preventDefault()
    if (!isField(event.target)) return
    const { validity, title, validationMessage } = event.target
    setFault(event.target, validity.patternMismatch ? title : validationMessage)
    form.querySelector<FieldInput>(':is(input, select, textarea):invalid')?.focus()
  }, true)
  form.addEventListener('input', ({ target }) => {
    if (isField(target)) setFault(target, '')
  })
}

/** A list to choose from: values and what they are called. */
export function choice(
  attributes: Attributes,
  options: readonly (readonly [string, string])[],
): HTMLSelectElement {
  return element(
    'select',
    attributes,
    ...options.map(([value, name]) => element('option', { value }, name)),
  )
}
