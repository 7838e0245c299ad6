/** Keeps the place of somebody who works with the keyboard, whatever is shown anew. */

const nameOf = (one: Element): string => one.ariaLabel ?? one.textContent

/**
 * Remembers what has the focus.
 * @returns a function that gives the focus back, if nothing has it by then: to what has the same
 * name now, or else to the heading of its part of the page
 */
export function rememberFocus(): () => void {
  const focused = document.activeElement
  const part = focused?.closest('.card, dialog, main')
  if (!focused || !part) return () => {}
  return () => {
    if (focused.isConnected || document.activeElement !== document.body) return
    const same = Array.from(part.querySelectorAll<HTMLElement>('button, a'))
      .find((one) => nameOf(one) === nameOf(focused))
    const heading = part.querySelector<HTMLElement>('h1, h2')
    heading?.setAttribute('tabindex', '-1')
    ;(same ?? heading)?.focus()
  }
}

/** Changes what is shown; who was there stays there. */
export function keepFocus(change: () => void): void {
  const giveBack = rememberFocus()
  change()
  giveBack()
}
