/** Makes elements. Whatever the ledger says goes in as text, never as markup. */

export type Child = Node | string | undefined

/** A function listens to the event of that name; true: an attribute without a value. */
export type Attributes = Record<
  string,
  string | number | boolean | undefined | ((event: Event) => void)
>

/** An element with these attributes and children; what is undefined or false is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? '' : String(value))
    }
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

/** Makes these nodes the children. Those that are there already stay, and keep the focus. */
export function arrange(parent: Element, nodes: readonly Node[]): void {
  const wanted = new Set(nodes)
  for (const child of Array.from(parent.childNodes)) if (!wanted.has(child)) child.remove()
  nodes.forEach((node, at) => {
    const there = parent.childNodes[at] ?? null
    if (there !== node) parent.insertBefore(node, there)
  })
}

/** A card with a heading. */
export function card(title: string, ...children: Child[]): HTMLElement {
  const id = `card-${title.toLowerCase().replaceAll(' ', '-')}`
  return element(
    'section',
    { class: 'card', 'aria-labelledby': id },
    element('h2', { id }, title),
    ...children,
  )
}

/** Terms and what they are. */
export function definitions(rows: readonly (readonly [string, Child])[]): HTMLElement {
  return element(
    'dl',
    {},
    ...rows.filter(([, value]) => value !== undefined)
      .map(([term, value]) =>
        element('div', {}, element('dt', {}, term), element('dd', {}, value))
      ),
  )
}

/** Whether the page has room for more than one thing beside another, as in the style sheet. */
export const isWide = (): boolean => matchMedia('(min-width: 641px)').matches
