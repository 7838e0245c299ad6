/** Commands of the model over HTTP. */
import type { Command } from './command.ts'
import {
  type Call,
  type Caller,
  cents,
  controlShown,
  decimal,
  type Done,
  holdShown,
  type Row,
  stateShown,
  UNKNOWN_ID,
} from './call.ts'
import { entryShown, SQLSTATES } from './sql_adapters.ts'

const PATHS: Record<string, (c: never) => string> = {
  capture: ({ hold }: { hold: number }) => `/holds/${hold}/capture`,
  extend: ({ hold }: { hold: number }) => `/holds/${hold}/extend`,
  release: ({ hold }: { hold: number }) => `/holds/${hold}/release`,
  reverse: ({ seq }: { seq: number }) => `/history/${seq}/reverse`,
  hold: () => '/holds',
  limit: () => '/credit-limit',
  read: () => '',
}

async function request(url: string, body?: object, key?: string | null) {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      'Cache-Control': 'no-cache',
      'Content-Type': 'application/json',
      ...(key && { 'Idempotency-Key': key }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const replayed = response.headers.has('Idempotency-Replayed')
  return { replayed, body: await response.json() as Row & { entry?: Row; code?: string } }
}

const refusedShown = ({ code, available }: Row) => {
  const sqlstate = SQLSTATES[code as string] ?? String(code)
  return sqlstate === 'LGFND' ? `${sqlstate} ${cents(available)}` : sqlstate
}
/** Whether an item was a repeat. */
export const UNSAID = '?'
const postedShown = ({ entry, ...snapshot }: Row, replayed: boolean | string) =>
  entryShown({ ...snapshot, ...entry as Row, replayed })

export async function byHttp({ url, ids }: Caller, c: Command): Promise<string[]> {
  const id = ids[c.user] ?? UNKNOWN_ID
  const amount = 'amount' in c && c.amount !== null
    ? { [c.kind === 'limit' ? 'credit_limit' : 'amount']: decimal(c.amount) }
    : {}
  const key = 'key' in c ? c.key : null
  const { body, replayed } = c.kind === 'transfer'
    ? await request(`${url}/transfers`, { from: id, to: ids[c.to] ?? UNKNOWN_ID, ...amount }, key)
    : await request(
      `${url}/users/${id}${PATHS[c.kind]?.(c as never) ?? `/${c.kind}`}`,
      c.kind === 'read' ? undefined : {
        ...amount,
        ...('final' in c && { final: c.final }),
        ...('seconds' in c && (c.seconds !== null || c.kind === 'extend') &&
          { expires_in: c.seconds }),
      },
      key,
    )
  if (body.code) return [refusedShown(body)]
  if (c.kind === 'hold' || c.kind === 'extend') return [holdShown({ ...body, replayed })]
  if ('credit_limit' in body) return [controlShown(body)]
  if (c.kind === 'release') return [`${stateShown(body)} ${replayed}`]
  if (c.kind !== 'transfer') {
    return [body.entry ? postedShown(body, replayed) : stateShown(body)]
  }
  return [body['from'], body['to']].map((half) => postedShown(half as Row, replayed))
}

/** Each user's debits in order; those of several users come as they come. */
export async function byHttpBatch({ url, ids }: Caller, items: Call['commands']): Promise<Done[]> {
  const done: Done[] = []
  for (let left = items as (Command & { kind: 'debit' })[]; left.length > 0;) {
    const { body } = await request(
      `${url}/debits`,
      left.map(({ user, amount, key }) => ({
        user_id: ids[user] ?? UNKNOWN_ID,
        amount: decimal(amount),
        ...(key && { idempotency_key: key }),
      })),
    )
    const results = body['results'] as (Row & { code?: string })[] | undefined
    const isBusy = (i: number) => results?.[i]?.code === 'busy'
    left.forEach((command, i) => {
      if (isBusy(i)) return
      const result = results?.[i] ?? body
      const answer = result.code ? refusedShown(result) : postedShown(result, UNSAID)
      done.push({ channel: 'http', steps: [{ command, answer: [answer] }], undone: false })
    })
    left = left.filter((_, i) => isBusy(i))
  }
  return done
}
