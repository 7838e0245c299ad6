/** A statement to download, and whether a history proves its balance. */
import { card, definitions, element } from './element.ts'
import { labelled, showFaults } from './field.ts'
import { counted, money, period } from './format.ts'
import { explain, showFault } from './problem.ts'
import type { Session } from './session.ts'

const LINES_BETWEEN_REPORTS = 500
const BALANCE_COLUMN = 4

/** Hands a file to the browser. */
function save(lines: string[], name: string): void {
  const file = new Blob(lines.map((line) => `${line}\r\n`), { type: 'text/csv' })
  const url = URL.createObjectURL(file)
  element('a', { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** Of the first or the last line. None of its cells is quoted. */
const balanceOf = (line: string): string => money(line.split(',')[BALANCE_COLUMN]!)

/** A form that downloads the statement of a user as CSV. */
export function statementSection({ client }: Session, id: number): HTMLElement {
  const from = element('input', { type: 'date', name: 'from' })
  const to = element('input', { type: 'date', name: 'to' })
  const result = element('div', { role: 'status' })
  const button = element('button', {}, 'Download CSV')
  async function download(event: Event) {
    event.preventDefault()
    button.disabled = true
    result.replaceChildren('Reading the statement…')
    try {
      const lines: string[] = []
      const query = period(from.value, to.value)
      for await (const line of client.statementCsv(id, query)) lines.push(line)
      const days = [from.value && `-from-${from.value}`, to.value && `-to-${to.value}`]
      save(lines, `user-${id}${days.join('')}.csv`)
      // Without the header, the opening and the closing.
      const entries = counted(lines.length - 3, 'entry', 'entries')
      const [opening, closing] = [lines[1]!, lines.at(-1)!].map(balanceOf)
      result.replaceChildren(`Complete: ${entries}, from ${opening} to ${closing}.`)
    } catch (error) {
      result.replaceChildren(explain(error))
      showFault([from, to], error)
    } finally {
      button.disabled = false
    }
  }
  const form = element(
    'form',
    { class: 'filters', submit: (event) => void download(event) },
    labelled('Posted from', from),
    labelled('Posted to', to),
    button,
  )
  showFaults(form)
  return card('Statement', form, result)
}

/** Buttons that verify the history of a user: by the ledger, and in this browser. */
export function verificationSection({ client }: Session, id: number): HTMLElement {
  const result = element('div', { role: 'status' })
  const buttons = [
    element('button', { click: () => void run(verify) }, 'Verify'),
    element('button', { click: () => void run(recompute) }, 'Compute hashes here'),
  ]
  async function run(work: () => Promise<Node>) {
    for (const button of buttons) button.disabled = true
    result.replaceChildren('Verifying…')
    try {
      result.replaceChildren(await work())
    } catch (error) {
      result.replaceChildren(explain(error))
    } finally {
      for (const button of buttons) button.disabled = false
    }
  }

  async function verify(): Promise<Node> {
    const { ok, entries, findings } = await client.verifyUser(id)
    if (ok) {
      return element(
        'p',
        { class: 'good' },
        `✓ No findings in ${counted(entries, 'entry', 'entries')}.`,
      )
    }
    return element(
      'div',
      {},
      element(
        'p',
        { class: 'bad' },
        `✗ ${counted(findings.length, 'finding', 'findings')}. Tell whoever runs the ledger.`,
      ),
      definitions(findings.map(({ finding, seq, detail }) => [
        seq === null ? finding : `${finding}, entry ${seq}`,
        detail ?? '',
      ])),
    )
  }

  async function recompute(): Promise<Node> {
    let count = 0
    for await (const line of client.statement(id)) {
      if ('closing' in line) {
        const { closing: { seq, balance }, unproved } = line
        const hashes = counted(seq - unproved, 'hash', 'hashes')
        const text = `✓ ${hashes} computed, balance ${money(balance)}.`
        const rest = `${counted(unproved, 'entry', 'entries')} can’t be proved alone: erased or ` +
          'archived. Verify asks the ledger, which proves what is left.'
        return element(
          'div',
          {},
          element('p', { class: 'good' }, text),
          unproved === 0 ? undefined : element('p', { class: 'note' }, rest),
        )
      }
      if (++count % LINES_BETWEEN_REPORTS === 0) result.replaceChildren(`${count} entries…`)
    }
    throw new Error('The statement has no closing line.')
  }

  return card('Verification', element('div', { class: 'buttons' }, ...buttons), result)
}
