/** What a user may do, and who said so. */
import type { Control, Controls } from '../client/ledger.ts'
import { card, element } from './element.ts'
import { keepFocus } from './focus.ts'
import { moment, money } from './format.ts'

const CHANGES: Record<Control['operation'], string> = {
  freeze: 'Frozen',
  thaw: 'Thawed',
  credit_limit: 'Credit limit',
}

function changeItem(control: Control): HTMLElement {
  const { at, operation, credit_limit, reason, caller, role } = control
  return element(
    'li',
    {},
    element(
      'span',
      { class: 'strong' },
      CHANGES[operation],
      credit_limit === undefined ? undefined : element('span', {}, ` ${money(credit_limit)}`),
    ),
    element('span', { class: 'note' }, moment(at), ` by ${caller ?? role}`),
    reason === undefined ? undefined : element('span', { class: 'reason' }, reason),
  )
}

export interface ControlsSection {
  node: HTMLElement
  show(controls: Controls): void
}

/** The last changes, and buttons for others. Hidden while there is neither. */
export function controlsSection(buttonsFor: (isFrozen: boolean) => HTMLElement): ControlsSection {
  const list = element('ul', { class: 'items' })
  const buttons = element('div')
  const nothing = element('p', { class: 'note' }, 'Not frozen, and no credit.')
  const node = card('Limits', nothing, list, buttons)
  return {
    node,
    show({ frozen_at, changes }) {
      const made = buttonsFor(frozen_at !== null)
      nothing.hidden = changes.length > 0
      list.replaceChildren(...changes.map(changeItem))
      keepFocus(() => buttons.replaceChildren(made))
      node.hidden = made.hidden && changes.length === 0
    },
  }
}
