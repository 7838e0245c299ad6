/** A dialog in which an operation is entered, confirmed, and done once however often it is sent. */
import { OutcomeUnknownError } from '../client/ledger.ts'
import { definitions, element } from './element.ts'
import { type FieldInput, labelled, showFaults } from './field.ts'
import { rememberFocus } from './focus.ts'
import { announce } from './messages.ts'
import { explain, isRepeatable, showFault } from './problem.ts'

export type Values = Record<string, string>

export interface Field {
  name: string
  label: string
  input: FieldInput
  hint?: string
}

export interface Operation {
  /** Such as `Credit`: on the button that confirms. */
  verb: string
  title: string
  /** false: without an idempotency key, as a repeat changes nothing. */
  isKeyed?: boolean
  fields: Field[]
  /** What is to be confirmed. @throws LedgerError */
  summary(values: Values): Promise<(readonly [string, string])[]>
  /** @returns what became of it. @throws LedgerError */
  send(values: Values, idempotencyKey: string): Promise<string>
}

const reasonField = (): Field => ({
  name: 'reason',
  label: 'Reason',
  input: element('textarea', { required: true, maxlength: 500, rows: 2 }),
  hint: 'Kept for everybody who reads it later.',
})

/** The dialog itself: fields or what is to be confirmed, a problem, and the buttons for it. */
function createView({ verb, title }: Operation, fields: readonly Field[]) {
  const content = element('div', { class: 'content' })
  const problem = element('div', { role: 'alert' })
  const cancel = element('button', { type: 'button' }, 'Cancel')
  const back = element('button', { type: 'button' }, 'Back')
  const forth = element('button', { class: 'primary' }, 'Continue')
  const confirm = element('button', { class: 'primary' }, verb)
  const buttons = element('div', { class: 'buttons' }, cancel, back, forth, confirm)
  const heading = element('h2', { id: 'operation-title' }, title)
  const form = element('form', {}, heading, content, problem, buttons)
  const labels = { class: 'operation', 'aria-labelledby': 'operation-title' }
  const dialog = element('dialog', labels, form)
  showFaults(form)

  function show(isConfirming: boolean, ...children: Node[]): void {
    content.replaceChildren(...children)
    problem.replaceChildren()
    back.hidden = confirm.hidden = !isConfirming
    forth.hidden = isConfirming
    confirm.textContent = verb
  }

  return {
    dialog,
    form,
    cancel,
    back,
    showFields(): void {
      show(false, ...fields.map(({ label, input, hint }) => labelled(label, input, hint)))
      fields[0]!.input.focus()
    },
    showConfirmation(rows: readonly (readonly [string, string | Node | undefined])[]): void {
      show(true, definitions(rows))
    },
    showProblem(error: unknown): void {
      problem.replaceChildren(explain(error))
      if (!forth.hidden) return
      // Whoever changed something now could do it twice.
      back.hidden = error instanceof OutcomeUnknownError
      confirm.hidden = !isRepeatable(error)
      confirm.textContent = 'Try again'
    },
    setBusy(isBusy: boolean): void {
      form.setAttribute('aria-busy', String(isBusy))
      for (const button of [cancel, back, forth, confirm]) button.disabled = isBusy
      if (!isBusy && forth.hidden) (confirm.hidden ? back : confirm).focus()
    },
  }
}

/** What is confirmed, and its key. */
interface Confirmed {
  values: Values
  text: string
  key: string
}

/** The same values always have the same key. */
function confirmationOf(values: Values, before: Confirmed | undefined): Confirmed {
  const text = JSON.stringify(values)
  return before?.text === text ? before : { values, text, key: crypto.randomUUID() }
}

/** For whoever doesn't know whether it happened. */
function whereToLook({ title, isKeyed = true }: Operation, { key }: Confirmed): string {
  const where = isKeyed ? `for the key ${key} in the history` : 'at the user again'
  return `${title}: it may have happened. Look ${where}.`
}

/** Opens the dialog; `onDone`: the ledger may have changed. */
export function openOperation(operation: Operation, onDone: () => void): void {
  const { isKeyed = true } = operation
  const fields = [...operation.fields, reasonField()]
  for (const { name, input } of fields) input.name = name
  const inputs = fields.map(({ input }) => input)
  const view = createView(operation, fields)
  const { dialog, form, cancel, back } = view
  const giveBackFocus = rememberFocus()
  let confirmed: Confirmed | undefined
  let isConfirming = false
  let isBusy = false
  let problem: unknown

  function edit(): void {
    isConfirming = false
    view.showFields()
    showFault(inputs, problem)
  }

  async function review(): Promise<void> {
    const values = Object.fromEntries(fields.map(({ name, input }) => [name, input.value.trim()]))
    const rows = await operation.summary(values)
    confirmed = confirmationOf(values, confirmed)
    isConfirming = true
    const key = isKeyed ? element('code', {}, confirmed.key) : undefined
    view.showConfirmation([...rows, ['Reason', values['reason']], ['Key', key]])
  }

  async function send(): Promise<void> {
    const { values, key } = confirmed!
    const message = await operation.send(values, key)
    dialog.close()
    announce(message)
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    // A second click on a button does nothing.
    if (isBusy) return
    isBusy = true
    view.setBusy(true)
    problem = undefined
    try {
      await (isConfirming ? send() : review())
    } catch (error) {
      problem = error
      view.showProblem(error)
    } finally {
      isBusy = false
      view.setBusy(false)
      if (!isConfirming) showFault(inputs, problem)
    }
  }

  form.addEventListener('submit', (event) => void submit(event))
  cancel.addEventListener('click', () => dialog.close())
  back.addEventListener('click', edit)
  dialog.addEventListener('cancel', (event) => {
    if (isBusy) event.preventDefault()
  })
  dialog.addEventListener('close', () => {
    dialog.remove()
    giveBackFocus()
    if (problem instanceof OutcomeUnknownError) announce(whereToLook(operation, confirmed!))
    if (confirmed) onDone()
  })
  document.body.append(dialog)
  dialog.showModal()
  edit()
}
