/** Enters an operation in its dialog, and confirms it. */
import { shown } from './access_off.ts'

export const dialog = () => shown.page.locator('dialog.operation')
export const button = (name: string) => shown.page.getByRole('button', { name, exact: true })
export const inDialog = (name: string) => dialog().getByRole('button', { name, exact: true })

/** Enters an operation up to its confirmation. @returns what is to be confirmed */
export async function enter(name: string, fields: Record<string, string>): Promise<string[]> {
  await button(name).click()
  for (const [label, value] of Object.entries(fields)) {
    const field = dialog().getByLabel(label)
    const isChoice = await field.evaluate((one) => one.matches('select'))
    await (isChoice ? field.selectOption(value) : field.fill(value))
  }
  await inDialog('Continue').click()
  await dialog().locator('dd').first().waitFor()
  return await dialog().locator('dd').allTextContents()
}

/** What is said below those fields with which something is wrong. */
export const faults = () => dialog().locator('.field:has([aria-invalid]) .fault').allTextContents()

/** Confirms it, and waits until it is done. */
export async function confirm(name: string): Promise<string> {
  const messages = shown.page.locator('.messages p')
  // Those of tests before.
  await messages.evaluateAll((all) => all.forEach((one) => one.remove()))
  await inDialog(name).click()
  await dialog().waitFor({ state: 'detached' })
  return await messages.last().innerText()
}
