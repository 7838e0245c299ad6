/** Says what became of something, to everybody: it is read out, and shown for a while. */
import { element } from './element.ts'

const SHOWN_MS = 12_000

/**
 * Where messages go: in the dialog that is open, for what is outside of it is neither read nor
 * seen.
 */
export const messagePlace = (): HTMLElement => element('div', { class: 'messages', role: 'status' })

/** Shows a message at the bottom of the page, or of the dialog above it. */
export function announce(text: string): void {
  const message = element('p', {}, text)
  const places = document.querySelectorAll('body > .messages, dialog[open] > .messages')
  places[places.length - 1]!.append(message)
  setTimeout(() => message.remove(), SHOWN_MS)
}
