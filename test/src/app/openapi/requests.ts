/** Requests to every route, one for each status that it may answer. */
import { sealCredit } from '../../../support/sealing.ts'
import { http } from './service.ts'

/** Method and path of an operation; path, body and headers of a request. */
export type Request = [string, string, string, unknown?, Record<string, string>?]

const TEXT = { 'Content-Type': 'text/plain' }
export const keyed = (key: string) => ({ 'Idempotency-Key': key })

/** What every POST with a body refuses before it looks at anything. */
export const malformed = (path: string, at: string, big = ' '.repeat(70_000)): Request[] => [
  ['post', path, at, { x: 1 }],
  ['post', path, at, big],
  ['post', path, at, '{}', TEXT],
]

export async function amountRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const json = { amount: 1, metadata: { a: [1] } }
  return ['debit', 'credit'].flatMap((action): Request[] => {
    const path = `/users/{id}/${action}`
    return [
      ...malformed(path, `/users/${id}/${action}`),
      ['post', path, `/users/${id}/${action}`, json, keyed(action)],
      ['post', path, `/users/${id}/${action}`, json, keyed(action)],
      ['post', path, `/users/${id}/${action}`, { amount: 2 }, keyed(action)],
      ['post', path, `/users/${id}/${action}`, {}],
      ['post', path, `/users/x/${action}`, json],
      ['post', path, `/users/4711/${action}`, json],
      ['post', path, `/users/${full}/${action}`, json],
      ['post', path, `/users/${id}/${action}`, json, keyed('a b')],
      ...(action === 'debit'
        ? [['post', path, `/users/${id}/debit`, { amount: 5000 }, keyed('more')] as Request]
        : []),
    ]
  })
}

export async function userRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const recalculate = '/users/{id}/recalculate'
  return [
    ['get', '/users/{id}', `/users/${id}`],
    ['get', '/users/{id}', '/users/x'],
    ['get', '/users/{id}', '/users/4711'],
    ...malformed(recalculate, `/users/${id}/recalculate`),
    ['post', recalculate, `/users/${id}/recalculate`],
    ['post', recalculate, '/users/x/recalculate'],
    ['post', recalculate, '/users/4711/recalculate'],
    ['post', recalculate, `/users/${full}/recalculate`],
    ...malformed('/users', '/users'),
    ['post', '/users', '/users', {}],
    ['post', '/users', '/users', { id }],
    ['post', '/users', '/users', { id: 0 }],
    ['post', '/users', '/users', { reference: 'r', metadata: { a: 1 } }, keyed('new')],
    ['post', '/users', '/users', { reference: 'r', metadata: { a: 1 } }],
    ['post', '/users', '/users', { reference: 'other' }, keyed('new')],
    ['post', '/users', '/users', {}, keyed('a b')],
    ['get', '/users', '/users'],
    ['get', '/users', '/users?limit=1'],
    ['get', '/users', '/users?after=x'],
  ]
}

export async function controlRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const [path, at] = ['/users/{id}/controls', `/users/${id}/controls`]
  const frozen = await http.user('100')
  await http.sql`select place_hold(${frozen}, 1), freeze_user(${frozen})`
  const own = `/users/${frozen}`
  return [
    ...['freeze', 'thaw', 'credit-limit'].flatMap((name): Request[] => {
      const path = `/users/{id}/${name}`
      const json = { reason: 'why', ...(name === 'credit-limit' && { credit_limit: 5 }) }
      return [
        ...malformed(path, `/users/${id}/${name}`),
        ['post', path, `/users/${id}/${name}`, json],
        ['post', path, `/users/x/${name}`, json],
        ['post', path, `/users/4711/${name}`, json],
        ['post', path, `/users/${full}/${name}`, json],
      ]
    }),
    ['get', path, at],
    ['get', path, `${at}?limit=1`],
    ['get', path, `${at}?limit=x`],
    ['get', path, '/users/4711/controls'],
    ['post', '/users/{id}/debit', `${own}/debit`, { amount: 1 }],
    ['post', '/users/{id}/holds', `${own}/holds`, { amount: 1 }],
    ['post', '/users/{id}/holds/{hold}/capture', `${own}/holds/1/capture`, {}],
    ['post', '/users/{id}/history/{seq}/reverse', `${own}/history/1/reverse`, {}],
    ['post', '/transfers', '/transfers', { from: frozen, to: id, amount: 1 }],
  ]
}

export async function historyRequests(): Promise<Request[]> {
  const [id, other, full] = [await http.user('100'), await http.user(), await fullUser()]
  await http.sql`select debit_user(${id}, 1, 'key', '{"a": 1}')`
  await http.sql`select transfer(${id}, ${other}, 10)`
  await http.sql`select place_hold(${id}, 5), capture_hold(${id}, 1)`
  const [path, at] = ['/users/{id}/history', `/users/${id}/history`]
  const reverse = `${path}/{seq}/reverse`
  const accept = (type: string) => ({ Accept: type })
  return [
    ...malformed(reverse, `${at}/3/reverse`),
    ['post', reverse, `${at}/3/reverse`, { metadata: { a: 1 } }, keyed('back')],
    ['post', reverse, `${at}/3/reverse`, {}, keyed('back')],
    ['post', reverse, `${at}/2/reverse`, {}, keyed('back')],
    ['post', reverse, `${at}/2/reverse`, {}, keyed('a b')],
    ['post', reverse, `${at}/3/reverse`, {}],
    ['post', reverse, `${at}/1/reverse`, {}],
    ['post', reverse, `${at}/99/reverse`, {}],
    ['post', reverse, '/users/4711/history/1/reverse', {}],
    ['post', reverse, `/users/${full}/history/1/reverse`, {}],
    ['get', path, at],
    ['get', path, `${at}?limit=1`],
    ['get', path, `${at}?limit=x`],
    ['get', path, '/users/4711/history'],
    ['get', path, at, undefined, accept('text/csv')],
    ['get', path, at, undefined, accept('application/x-ndjson')],
    ...[1, 2, 3, 4, 5].map((seq): Request => ['get', `${path}/{seq}`, `${at}/${seq}`]),
    ['get', `${path}/{seq}`, `${at}/99`],
    ['get', `${path}/{seq}`, `${at}/x`],
    ['get', `${path}/{seq}`, '/users/4711/history/1'],
    ['get', '/users/{id}/balance', `/users/${id}/balance`],
    ['get', '/users/{id}/balance', `/users/${id}/balance?at=2000-01-01T00:00:00Z`],
    ['get', '/users/{id}/balance', `/users/${id}/balance?at=now`],
    ['get', '/users/{id}/balance', '/users/4711/balance'],
    ['get', path, `${at}?after=1`, undefined, accept('application/x-ndjson')],
    ['get', '/balances', `/balances?ids=${id},${other}`],
    ['get', '/balances', `/balances?ids=${id}&at=2000-01-01T00:00:00Z`],
    ['get', '/balances', '/balances?ids=x'],
    ['get', '/balances', '/balances?ids=4711'],
    ['get', '/users/{id}/verify', `/users/${id}/verify`],
    ['get', '/users/{id}/verify', `/users/${full}/verify`],
    ['get', '/users/{id}/verify', '/users/x/verify'],
    ['get', '/users/{id}/verify', '/users/4711/verify'],
  ]
}

export async function transferRequests(): Promise<Request[]> {
  const [from, to, full] = [await http.user('100'), await http.user(), await fullUser()]
  const json = { from, to, amount: 1, metadata: { a: 1 } }
  return [
    ...malformed('/transfers', '/transfers'),
    ['post', '/transfers', '/transfers', json, keyed('moved')],
    ['post', '/transfers', '/transfers', json, keyed('moved')],
    ['post', '/transfers', '/transfers', { ...json, amount: 2 }, keyed('moved')],
    ['post', '/transfers', '/transfers', json, keyed('a b')],
    ['post', '/transfers', '/transfers', { ...json, to: 4711 }],
    ['post', '/transfers', '/transfers', { ...json, to: from }],
    ['post', '/transfers', '/transfers', { ...json, to: full }],
    ['post', '/transfers', '/transfers', { ...json, amount: 5000 }],
    ...malformed('/operations', '/operations', ' '.repeat(1_100_000)),
    ['post', '/operations', '/operations', [
      { kind: 'transfer', ...json },
      { kind: 'hold', user_id: from, amount: 1 },
      { kind: 'debit', user_id: 4711, amount: 1 },
    ]],
    ['post', '/operations', '/operations', [], keyed('a b')],
    ...malformed('/debits', '/debits', ' '.repeat(1_100_000)),
    ['post', '/debits', '/debits', []],
    ['post', '/debits', '/debits', [
      { user_id: from, amount: 1, idempotency_key: 'own', metadata: { a: 1 } },
      { user_id: from, amount: 2, idempotency_key: 'own' },
      { user_id: from, amount: 5000 },
      { user_id: full, amount: 1 },
      { user_id: 4711, amount: 1 },
    ], keyed('many')],
    ['post', '/debits', '/debits', [], keyed('a b')],
  ]
}

/** Whose balance is at its bound, so that a manual entry can't be posted. */
export async function fullUser(): Promise<number> {
  const id = await http.user()
  await sealCredit(http.sql, id, { balance: '999999999999999999.99' })
  await http.sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  return id
}
