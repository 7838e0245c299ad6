/** JSON texts that are put into a response as they are stored. */

/** What stands for a text. Made when it is needed: workers have nothing random while they load. */
let marker: { token: string; pattern: RegExp } | undefined
function createMarker() {
  const token = `raw:${crypto.randomUUID()}:`
  return { token, pattern: new RegExp(`"${token}(\\d+)"`, 'g') }
}
/** The texts that the current call of JSON.stringify has met. */
let met: string[] = []

/**
 * A JSON text that must stay as it is: JSON.parse and JSON.stringify would change numbers such as
 * 1.10, 1e400 or 2^64.
 */
export class RawJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toJSON(): string {
    marker ??= createMarker()
    return marker.token + (met.push(this.text) - 1)
  }
}

/** Serialises a value, with each RawJson in it verbatim. */
export function stringify(value: unknown): string {
  met = []
  const text = JSON.stringify(value)
  if (met.length === 0) return text
  const texts = met
  met = []
  return text.replace(marker!.pattern, (_, n: string) => texts[Number(n)]!)
}
