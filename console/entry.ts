/** An entry with its proof: its hash is computed again, here, from the hash of the entry before. */
import { type CheckedLine, type Entry, StatementError } from '../client/ledger.ts'
import { definitions, element } from './element.ts'
import { rememberFocus } from './focus.ts'
import { isReversed, kindOf, moment, money, signed } from './format.ts'
import { messagePlace } from './messages.ts'
import { openOperation } from './operation_dialog.ts'
import { reverse } from './operations.ts'
import { explain } from './problem.ts'
import type { Session } from './session.ts'

export interface EntryRef {
  id: number
  seq: number
}

const link = ({ id, seq }: EntryRef, text: string) =>
  element('a', { href: `#/users/${id}/entries/${seq}` }, text)

const hashOf = (hash: string) => element('code', { class: 'hash' }, hash)

function details(id: number, entry: Entry, postedAt: string): HTMLElement {
  const { action, balance, ts, idempotency_key, metadata, transfer } = entry
  const other = (seq: number | undefined) =>
    seq === undefined ? undefined : link({ id, seq }, `Entry ${seq}`)
  return definitions([
    ['What', kindOf(entry)],
    ['Amount', element('span', { class: `strong ${action.toLowerCase()}` }, signed(entry))],
    ['Balance after it', money(balance)],
    ['When (UTC)', moment(ts)],
    ['Posted (UTC)', ts === postedAt ? undefined : moment(postedAt)],
    ['Key', idempotency_key === undefined ? undefined : element('code', {}, idempotency_key)],
    [
      'Other half',
      transfer &&
      link(
        { id: transfer.user_id, seq: transfer.seq },
        `User ${transfer.user_id}, entry ${transfer.seq}`,
      ),
    ],
    ['Reverses', other(entry.reverses)],
    ['Reversed by', other(entry.reversed_by)],
    ['Reversed so far', entry.reversed === undefined ? undefined : money(entry.reversed)],
    ['Hold', entry.hold === undefined ? undefined : String(entry.hold)],
    [
      'Metadata',
      metadata === undefined
        ? undefined
        : element('pre', { tabindex: '0' }, JSON.stringify(metadata, null, 2)),
    ],
  ])
}

type CheckedEntry = Extract<CheckedLine, { proved: boolean }>

interface Checked {
  entry: CheckedEntry
  /** Oldest first: the seq and hash that the ledger says, and whether it was computed, too. */
  chain: { seq: number; hash: string; proved: boolean }[]
}

/**
 * Reads the statement from two entries before this one, whose hashes the client computes as far as
 * it can.
 * @throws StatementError if an entry isn't what its hash says
 */
async function prove({ client }: Session, { id, seq }: EntryRef): Promise<Checked> {
  const chain: Checked['chain'] = []
  for await (const line of client.statement(id, { after: Math.max(0, seq - 2) })) {
    if ('closing' in line) break
    const { seq: at, hash } = 'opening' in line ? line.opening : line
    const proved = 'proved' in line && line.proved
    if (hash !== null) chain.push({ seq: at, hash, proved })
    if (!('opening' in line) && at === seq) return { entry: line, chain }
  }
  throw new Error('The statement does not have the entry yet.')
}

/** Why the hash of an entry can't be computed, and who can still prove it. */
function withoutProof({ erased_by, archived_by }: CheckedEntry): HTMLElement[] {
  const what = erased_by === undefined
    ? `its metadata was archived by intervention ${archived_by}`
    : `its metadata was erased by intervention ${erased_by}`
  return [
    element('p', {}, `This entry can’t be proved alone: ${what}, and its hash covers that.`),
    element('p', { class: 'note' }, 'Verify asks the ledger, which proves what is left of it.'),
  ]
}

function proof({ chain, entry }: Checked): HTMLElement {
  const first = entry.seq <= 2
    ? 'There is no entry before entry 1: its hash begins with zeros.'
    : ''
  const made = '✓ The hash is what this entry and the one before it make.'
  const verdict = entry.proved
    ? [
      element('p', { class: 'good' }, made),
      element('p', { class: 'note' }, `Computed in this browser (SHA-256). ${first}`),
    ]
    : withoutProof(entry)
  return element(
    'section',
    { class: 'proof' },
    element('h3', {}, 'Proof'),
    ...verdict,
    element(
      'ol',
      {},
      ...chain.map(({ seq, hash, proved }) =>
        element(
          'li',
          { class: seq === entry.seq ? 'this' : undefined },
          element('span', {}, `Entry ${seq}`),
          element('span', { class: 'note' }, proved ? '✓ computed' : 'as the ledger says'),
          hashOf(hash),
        )
      ),
    ),
  )
}

interface EntryOptions {
  /** The ledger may have changed. */
  onDone: () => void
  onClose: () => void
}

/** Opens an entry above the page. */
export function openEntry(
  session: Session,
  ref: EntryRef,
  { onDone, onClose }: EntryOptions,
): HTMLDialogElement {
  const content = element('div', { class: 'content', 'aria-live': 'polite' })
  const close = element('button', { class: 'close', 'aria-label': 'Close' }, '✕')
  const dialog = element(
    'dialog',
    { class: 'drawer', 'aria-labelledby': 'entry-title' },
    close,
    element('h2', { id: 'entry-title' }, `Entry ${ref.seq} of user ${ref.id}`),
    content,
    messagePlace(),
  )
  const giveBackFocus = rememberFocus()
  close.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => {
    dialog.remove()
    giveBackFocus()
    onClose()
  })

  async function load() {
    try {
      const entry = await session.client.getEntry(ref.id, ref.seq)
      const proved = await prove(session, ref).catch((error: unknown) => ({ error }))
      content.replaceChildren(
        details(ref.id, entry, 'error' in proved ? entry.ts : proved.entry.posted_at),
        'error' in proved ? disproof(proved.error) : proof(proved),
        ...(isReversible(entry) ? [reverseButton(entry)] : []),
      )
      // The button that had the focus may be gone.
      if (!dialog.contains(document.activeElement)) close.focus()
    } catch (error) {
      content.replaceChildren(explain(error))
    }
  }

  const isReversible = (entry: Entry) => session.may('reverse') && !isReversed(entry)
  function reverseButton(entry: Entry) {
    const onReversed = () => {
      onDone()
      void load()
    }
    const open = () => openOperation(reverse(session, ref.id, entry), onReversed)
    return element('div', { class: 'buttons' }, element('button', { click: open }, 'Reverse'))
  }

  document.body.append(dialog)
  dialog.showModal()
  void load()
  return dialog
}

const disproof = (error: unknown): HTMLElement =>
  element(
    'section',
    { class: 'proof', role: 'alert' },
    element('h3', {}, 'Proof'),
    error instanceof StatementError
      ? element(
        'p',
        { class: 'bad' },
        '✗ The hash is not what this entry and the one before it make.',
      )
      : undefined,
    explain(error),
  )
