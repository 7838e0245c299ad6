/** What accepted answers say has been written: no more and no less may be in the database. */
import type postgres from 'postgres'
import type { Answer } from './connection.ts'
import type { Request } from './request.ts'
import type { Route } from './rules.ts'

interface Entry {
  seq: number
  action: string
  amount: string
  balance: string
  transfer?: { user_id: number; seq: number }
  hold?: number
}

interface Body {
  id: number
  entry?: Entry
  from?: Body
  to?: Body
  results?: Body[]
  hold?: number
  user_id?: number
  amount?: string
}

export interface Books {
  /** Takes note of an answer. */
  note(request: Request, route: Route, answer: Answer): void
  /** What the database has and nobody was told of, or somebody was told of and it hasn't. */
  differences(): Promise<string[]>
  /** How many entries, holds and users were made. */
  counts(): { entries: number; holds: number; users: number }
}

/** What a user may do, by the last part of the path that changes it. */
const CONTROLS: Record<string, string> = {
  freeze: 'FREEZE',
  thaw: 'THAW',
  'credit-limit': 'CREDIT LIMIT',
}

const lineOf = (user: number, { seq, action, amount, balance }: Entry) =>
  `${user}/${seq} ${action} ${amount} = ${balance}`

/** By place: the whole line where an answer had it, else the place alone. */
async function writtenIn(sql: postgres.Sql) {
  const [entries, holds, users, controls] = await Promise.all([
    sql<{ place: string; line: string }[]>`
      select user_id || '/' || seq as place,
             format('%s/%s %s %s = %s', user_id, seq, action, amount, balance) as line
        from payment_history`,
    sql<{ place: string; line: string }[]>`
      select user_id || '/' || hold as place,
             format('%s/%s %s, %s cents captured%s', user_id, hold, amount,
               (100 * captured)::bigint, case status when 'released' then ', released' end) as line
        from holds`,
    sql<{ id: string }[]>`select id from users`,
    sql<{ what: string; count: number }[]>`
      select user_id || ' ' || operation as what, count(*)::int as count
        from user_controls group by 1`,
  ])
  return {
    entries: new Map(entries.map(({ place, line }) => [place, line])),
    holds: new Map(holds.map(({ place, line }) => [place, line])),
    users: new Set(users.map(({ id }) => Number(id))),
    controls: new Map(controls.map(({ what, count }) => [what, count])),
  }
}

/** Opens books that agree with the database. */
export async function openBooks(sql: postgres.Sql): Promise<Books> {
  const { entries, users } = await writtenIn(sql)
  const begun = { entries: entries.size, users: users.size }
  const holds = new Map<string, string>()
  /** Somebody may be told of the end of a hold before another one is told of the hold. */
  const released = new Set<string>()
  /** What captures took, in cents: by hold, and in it by entry, as repeats are told of it again. */
  const captures = new Map<string, Map<number, bigint>>()
  /** How often somebody was told of a change of what a user may do; some changed nothing. */
  const controls = new Map<string, number>()
  const contradictions: string[] = []

  function noteEntry(user: number, entry: Entry) {
    const place = `${user}/${entry.seq}`
    const line = lineOf(user, entry)
    const before = entries.get(place)
    // Told twice: to repeats with the same key.
    if (before !== undefined && before !== '' && before !== line) {
      contradictions.push(`answered as ${before} and as ${line}`)
    }
    entries.set(place, line)
    const { transfer, hold } = entry
    const peer = transfer && `${transfer.user_id}/${transfer.seq}`
    if (peer !== undefined && !entries.has(peer)) entries.set(peer, '')
    if (hold !== undefined) {
      const captured = captures.get(`${user}/${hold}`) ?? new Map<number, bigint>()
      const cents = BigInt(entry.amount.replace('.', ''))
      captures.set(`${user}/${hold}`, captured.set(entry.seq, cents))
    }
  }

  return {
    note(request, route, { status, text }) {
      if (status >= 300 || request.method !== 'POST' || !('path' in route)) return
      const body = JSON.parse(text) as Body
      const control = CONTROLS[route.path.slice(route.path.lastIndexOf('/') + 1)]
      if (route.path === '/users') users.add(body.id)
      else if (route.path.endsWith('/release')) {
        const [, user, , hold] = request.target.replace(/\?.*/, '').split('/').slice(1)
        released.add(`${BigInt(decodeURIComponent(user!))}/${BigInt(decodeURIComponent(hold!))}`)
      } else if (control !== undefined) {
        const what = `${body.id} ${control}`
        controls.set(what, (controls.get(what) ?? 0) + 1)
      } else if (route.path.endsWith('/holds')) {
        holds.set(`${body.user_id}/${body.hold}`, body.amount!)
      } else {
        for (const one of [body, body.from, body.to, ...body.results ?? []]) {
          if (one?.entry) noteEntry(one.id, one.entry)
        }
      }
    },

    differences: async () =>
      differencesOf(
        { entries, holds, released, captures, users, controls, contradictions },
        await writtenIn(sql),
      ),

    counts: () => ({
      entries: entries.size - begun.entries,
      holds: holds.size,
      users: users.size - begun.users,
    }),
  }
}

/** What somebody was told of. */
interface Told {
  entries: Map<string, string>
  holds: Map<string, string>
  released: Set<string>
  captures: Map<string, Map<number, bigint>>
  users: Set<number>
  controls: Map<string, number>
  contradictions: string[]
}

function differencesOf(
  { entries, holds, released, captures, users, controls, contradictions }: Told,
  written: Awaited<ReturnType<typeof writtenIn>>,
): string[] {
  const told = new Map(
    [...holds].map(([place, amount]) => {
      const cents = [...captures.get(place)?.values() ?? []].reduce((sum, one) => sum + one, 0n)
      const end = released.has(place) ? ', released' : ''
      return [place, `${place} ${amount}, ${cents} cents captured${end}`]
    }),
  )
  const between = (what: string, written: Map<string, string>, told: Map<string, string>) => [
    ...[...written].filter(([place]) => !told.has(place))
      .map(([, line]) => `${what} nobody was told of: ${line}`),
    ...[...told].filter(([place, line]) =>
      line === '' ? !written.has(place) : written.get(place) !== line
    ).map(([place, line]) => `${what} told as ${line}, written as ${written.get(place)}`),
  ]
  return [
    ...contradictions,
    ...[...released, ...captures.keys()].filter((place) => !holds.has(place))
      .map((place) => `released or captured, but never placed: ${place}`),
    ...[...written.controls].filter(([what, count]) => count > (controls.get(what) ?? 0))
      .map(([what, count]) => `${what} written ${count} times, told ${controls.get(what) ?? 0}`),
    ...between('an entry', written.entries, entries),
    ...between('a hold', written.holds, told),
    ...[...written.users].filter((id) => !users.has(id)).map((id) => `a user: ${id}`),
    ...[...users].filter((id) => !written.users.has(id)).map((id) => `no user: ${id}`),
  ]
}

/** Every byte that is kept, in one number. */
export async function checksum(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ sum: string }[]>`
    select md5(concat(
      (select string_agg(u::text, ';' order by u.id) from users u),
      (select string_agg(h::text, ';' order by h.user_id, h.id) from payment_history h),
      (select string_agg(o::text, ';' order by o.user_id, o.hold) from holds o),
      (select string_agg(c::text, ';' order by c.user_id, c.hold, c.number)
         from hold_changes c),
      (select string_agg(k::text, ';' order by k.user_id, k.number)
         from user_controls k))) as sum`
  return row!.sum
}
