/** A client of the ledger's HTTP API, for every runtime that has fetch. */
import { type Entry, OPERATIONS, type Operations, type Page, type User } from './api.ts'
import { UnexpectedAnswerError } from './errors.ts'
import { type EventQuery, type FollowedEvent, followedEvents } from './events.ts'
import { createMinSeqs, NO_MIN_SEQS } from './min_seq.ts'
import {
  type CallOptions,
  type ClientOptions,
  createSend,
  type Request,
  type Send,
} from './send.ts'
import { type CheckedLine, checkedLines, csvLines, type StatementQuery } from './statement.ts'

export * from './api.ts'
export * from './errors.ts'
export type { EventQuery, FollowedEvent } from './events.ts'
export type { CallOptions, ClientOptions } from './send.ts'
export type { CheckedLine, StatementQuery } from './statement.ts'

/** Which entries of a user; `'metadata.order': '17'`: with that text in a member of metadata. */
export type HistoryQuery =
  & NonNullable<Parameters<Operations<unknown>['listEntries']>[1]>
  & { [member: `metadata.${string}`]: string }

/** A method for each operation, and what goes beyond one request. */
export interface LedgerClient extends Omit<Operations<CallOptions>, 'listEntries'> {
  /** The entries of a user, newest first. */
  listEntries(id: number, query?: HistoryQuery, options?: CallOptions): Promise<Page>
  /** Every entry of a user, newest first, page by page. */
  eachEntry(id: number, options?: PageOptions): AsyncGenerator<Entry>
  /** Every user that the caller reaches, by number. */
  eachUser(options?: PageOptions): AsyncGenerator<User>
  /**
   * The lines of a statement, oldest entry first, with every hash checked. That of an entry of
   * which something was erased or archived can't be: its `proved` is false, and the closing line
   * says of how many that is so.
   * @throws StatementError before anything that isn't proved
   */
  statement(
    id: number,
    query?: StatementQuery,
    options?: CallOptions,
  ): AsyncGenerator<CheckedLine>
  /**
   * The same as lines of CSV, the header first; hashes aren't checked.
   * @throws StatementError at the end, if the closing line is missing
   */
  statementCsv(id: number, query?: StatementQuery, options?: CallOptions): AsyncGenerator<string>
  /**
   * Events in order, each once, and those that happen from then on, until the caller leaves the
   * loop or aborts `signal`.
   * @throws CursorGoneError if the ledger isn't the one that `after` is from, or was restored
   */
  events(query?: EventQuery, options?: CallOptions): AsyncGenerator<FollowedEvent>
}

export interface PageOptions extends CallOptions {
  /** Of one request: 1 to 1000. */
  limit?: number
}

/**
 * Repeats what the ledger says to repeat (`busy`, `outcome_unknown`, `rate_limited`) and what got
 * no response, with the same idempotency key, until the deadline: each call is done once or not at
 * all.
 * @example
 * const ledger = createLedgerClient({ url: 'http://127.0.0.1:3000' })
 * const options = { idempotencyKey: 'order-17' }
 * const { balance } = await ledger.debitUser(7, { amount: '30.00' }, options)
 */
export function createLedgerClient(options: ClientOptions): LedgerClient {
  const send = createSend(options)
  const minSeqs = options.fromStandby ? createMinSeqs() : NO_MIN_SEQS
  const readJson = async (response: Response) => {
    const answer = await response.json() as unknown
    minSeqs.noteAll(answer)
    return answer
  }
  const methods = createMethods(send, readJson)

  function open(request: Omit<Request, 'method'> & { accept: string }, call: CallOptions = {}) {
    return send({ method: 'GET', ...request }, call, (response) => {
      const type = response.headers.get('content-type') ?? ''
      if (response.body && type.startsWith(request.accept)) return Promise.resolve(response.body)
      throw new UnexpectedAnswerError(response.status)
    })
  }

  const openStatement = (
    id: number,
    query: StatementQuery | undefined,
    accept: string,
    call: CallOptions | undefined,
  ) =>
    minSeqs.read(
      id,
      query,
      (asked) => open({ path: `/users/${id}/history`, query: asked, accept }, call),
    )

  async function listEntries(id: number, query?: HistoryQuery, call?: CallOptions) {
    const page = await minSeqs.read(id, query, (asked) => methods.listEntries(id, asked, call))
    if (page.entries.length > 0) minSeqs.note(id, page.entries[0]!.seq)
    return page
  }

  return {
    ...methods,
    listEntries,
    getBalanceAt: (id, query, call) =>
      minSeqs.read(id, query, (asked) => methods.getBalanceAt(id, asked, call)),
    eachEntry: (id, { limit, ...call } = {}) =>
      each(async (before) => {
        const { entries, next } = await listEntries(id, given({ limit, before }), call)
        return { rows: entries, next }
      }),
    eachUser: ({ limit, ...call } = {}) =>
      each(async (after) => {
        const { users, next } = await methods.listUsers(given({ limit, after }), call)
        return { rows: users, next }
      }),
    async *statement(id, query, call) {
      const stream = await openStatement(id, query, 'application/x-ndjson', call)
      for await (const line of checkedLines(id, stream)) {
        if ('closing' in line) minSeqs.note(id, line.closing.seq)
        yield line
      }
    },
    async *statementCsv(id, query, call) {
      yield* csvLines(await openStatement(id, query, 'text/csv', call))
    },
    events: (query, call) =>
      followedEvents(
        (lastEventId) =>
          open({ path: '/events', query, accept: 'text/event-stream', lastEventId }, call),
        call?.signal,
      ),
  }
}

/** Goes on with `next` of each page. */
async function* each<T>(load: (cursor?: number) => Promise<{ next: number | null; rows: T[] }>) {
  for (let cursor: number | undefined;;) {
    const { rows, next } = await load(cursor)
    yield* rows
    if (next === null) return
    cursor = next
  }
}

/** Creates a method for each operation. */
function createMethods(send: Send, read: (response: Response) => Promise<unknown>) {
  return Object.fromEntries(
    Object.entries(OPERATIONS).map(([name, [method, path, input, isKeyed]]) => {
      const inPath = path.split('{').length - 1
      return [name, (...values: unknown[]) => {
        let at = 0
        const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(String(values[at++])))
        const [value, call] = input === 'none'
          ? [undefined, values[inPath]]
          : [values[inPath] ?? {}, values[inPath + 1]]
        const request = { method, path: filled, isKeyed, [input]: value } as Request
        return send(request, (call ?? {}) as CallOptions, read)
      }]
    }),
  ) as unknown as Operations<CallOptions>
}

type Paging = {
  limit?: number
  before?: number
  after?: number
}

/** Without what is undefined, which isn't the same as left out. */
const given = (query: { [Name in keyof Paging]: number | undefined }): Paging =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
