/** Requests about holds. */
import { ageHolds, placeMostHolds } from '../../../support/holds.ts'
import { fullUser, keyed, malformed, type Request } from './requests.ts'
import { http } from './service.ts'

export async function holdRequests(): Promise<Request[]> {
  const [id, short, full] = [await http.user('100'), await http.user('10'), await fullUser()]
  const holding = await http.user('100')
  await placeMostHolds(http.sql, holding)
  await http.sql`select place_hold(${id}, 1, 60)`
  await ageHolds(http.sql, id)
  await http.sql`select place_hold(${id}, 5), place_hold(${id}, 5), place_hold(${id}, 5)`
  await http.sql`select place_hold(${short}, 5)`
  await http
    .sql`insert into payment_history (user_id, action, amount) values (${short}, 'DEBIT', 8)`
  const [holds, at] = ['/users/{id}/holds', `/users/${id}/holds`]
  const json = { amount: '1.5', expires_in: 60, metadata: { a: 1 } }
  return [
    ['get', holds, at],
    ['get', holds, `${at}?status=active&limit=1`],
    ['get', holds, `${at}?status=x`],
    ['get', holds, '/users/4711/holds'],
    ['get', '/users/{id}/holds/{hold}', `${at}/1`],
    ['get', '/users/{id}/holds/{hold}', `${at}/99`],
    ['get', '/users/{id}/holds/{hold}', `${at}/x`],
    ['get', '/users/{id}/holds/{hold}', '/users/4711/holds/1'],
    ['get', '/entries', '/entries'],
    ['get', '/entries', '/entries?limit=1'],
    ['get', '/entries', '/entries?before=x'],
    ['get', '/events', '/events'],
    ['get', '/events', '/events?limit=x'],
    ['get', '/events', `/events?after=9-${'0'.repeat(16)}`],
    ...malformed(holds, at),
    ['post', holds, at, json, keyed('held')],
    ['post', holds, at, json, keyed('held')],
    ['post', holds, at, { amount: 2 }, keyed('held')],
    ['post', holds, at, { amount: 1 }],
    ['post', holds, at, { amount: 1, expires_in: 0 }],
    ['post', holds, at, { amount: 5000 }],
    ['post', holds, at, json, keyed('a b')],
    ['post', holds, '/users/x/holds', json],
    ['post', holds, '/users/4711/holds', json],
    ['post', holds, `/users/${full}/holds`, json],
    ['post', holds, `/users/${holding}/holds`, json],
    ...['capture', 'release'].flatMap((action, n): Request[] => {
      const path = `/users/{id}/holds/{hold}/${action}`
      const at = (hold: number | string, user: number | string = id) =>
        `/users/${user}/holds/${hold}/${action}`
      return [
        ...malformed(path, at(2)),
        ['post', path, at(2 + n), { metadata: { a: 1 } }, keyed(action)],
        ['post', path, at(2 + n), { metadata: { a: 1 } }, keyed(action)],
        ['post', path, at(4), {}, keyed(action)],
        ['post', path, at(2 + n), {}],
        ['post', path, at(1), {}],
        ['post', path, at(99), {}],
        ['post', path, at(4), {}, keyed('a b')],
        ['post', path, at('x'), {}],
        ['post', path, at(1, 4711), {}],
        ['post', path, at(1, full), {}],
      ]
    }),
    ...extendRequests(at, full),
    ['post', '/users/{id}/holds/{hold}/capture', `${at}/4/capture`, { amount: 6 }],
    [
      'post',
      '/users/{id}/holds/{hold}/capture',
      `${at}/4/capture`,
      { amount: 1, final: false },
    ],
    ['post', '/users/{id}/holds/{hold}/capture', `${at}/4/capture`, { amount: 1, metadata: {} }],
    ['post', '/users/{id}/holds/{hold}/capture', `/users/${short}/holds/1/capture`, {}],
  ]
}

function extendRequests(at: string, full: number): Request[] {
  return [
    ...malformed('/users/{id}/holds/{hold}/extend', `${at}/4/extend`),
    ...([
      [{ expires_in: 600 }, 5, keyed('later')],
      [{ expires_in: 900 }, 5, keyed('later')],
      [{ expires_in: null }, 5],
      [{ expires_in: null }, 5],
      [{ expires_in: 60 }, 2],
      [{ expires_in: 60 }, 99],
      [{ expires_in: 60 }, 4, keyed('a b')],
      [{ expires_in: 60 }, 'x'],
    ] as const).map(([body, hold, headers]): Request => [
      'post',
      '/users/{id}/holds/{hold}/extend',
      `${at}/${hold}/extend`,
      body,
      headers ?? {},
    ]),
    ['post', '/users/{id}/holds/{hold}/extend', `/users/4711/holds/1/extend`, { expires_in: 1 }],
    ['post', '/users/{id}/holds/{hold}/extend', `/users/${full}/holds/1/extend`, { expires_in: 1 }],
  ]
}
