import { expect, test } from 'vitest'
import {
  isOutcomeUnknown,
  isRetryable,
  Problem,
  problemCode,
  problemOf,
  PROBLEMS,
} from '../../../src/core/errors.ts'

const failing = (code?: string) =>
  Object.assign(new Error('secret'), code !== undefined && { code })

/** By code: the problem of a read, the problem of a write. */
const TABLE: Record<string, [string, string]> = {
  LGUSR: ['unknown_user', 'unknown_user'],
  LGAMT: ['invalid_request', 'invalid_request'],
  LGFND: ['insufficient_funds', 'insufficient_funds'],
  LGFRZ: ['user_frozen', 'user_frozen'],
  LGKEY: ['idempotency_key_reused', 'idempotency_key_reused'],
  LGRNG: ['balance_out_of_range', 'balance_out_of_range'],
  LGHLD: ['hold_not_active', 'hold_not_active'],
  LGENT: ['unknown_entry', 'unknown_entry'],
  LGREV: ['already_reversed', 'already_reversed'],
  LGEXP: ['expiry_not_later', 'expiry_not_later'],
  LGMAX: ['too_many_holds', 'too_many_holds'],
  LGSAM: ['same_user', 'same_user'],
  LGCUR: ['cursor_gone', 'cursor_gone'],
  LGDIS: ['not_supported', 'not_supported'],
  '22023': ['invalid_request', 'invalid_request'],
  // Rolled back, or never begun: the same request may work later.
  '08006': ['busy', 'busy'],
  '25006': ['busy', 'busy'],
  LGMOV: ['busy', 'busy'],
  '40001': ['busy', 'busy'],
  '40P01': ['busy', 'busy'],
  '53100': ['busy', 'busy'],
  '53200': ['busy', 'busy'],
  '53300': ['busy', 'busy'],
  '55P03': ['busy', 'busy'],
  '57014': ['busy', 'busy'],
  '57P03': ['busy', 'busy'],
  // Never sent.
  '28000': ['busy', 'busy'],
  '28P01': ['busy', 'busy'],
  '3D000': ['busy', 'busy'],
  ECONNREFUSED: ['busy', 'busy'],
  ENOTFOUND: ['busy', 'busy'],
  EAI_AGAIN: ['busy', 'busy'],
  EHOSTUNREACH: ['busy', 'busy'],
  ENETUNREACH: ['busy', 'busy'],
  CONNECT_TIMEOUT: ['busy', 'busy'],
  CONNECTION_ENDED: ['busy', 'busy'],
  ENOENT: ['busy', 'busy'],
  EACCES: ['busy', 'busy'],
  WRONG_SERVER: ['busy', 'busy'],
  // There is no schema yet.
  '3F000': ['busy', 'busy'],
  '42P01': ['busy', 'busy'],
  '42883': ['busy', 'busy'],
  // Sent, and then nobody knows.
  '08P01': ['busy', 'outcome_unknown'],
  '57P01': ['busy', 'outcome_unknown'],
  '57P02': ['busy', 'outcome_unknown'],
  '57P05': ['busy', 'outcome_unknown'],
  CONNECTION_CLOSED: ['busy', 'outcome_unknown'],
  CONNECTION_DESTROYED: ['busy', 'outcome_unknown'],
  ECONNRESET: ['busy', 'outcome_unknown'],
  ECONNABORTED: ['busy', 'outcome_unknown'],
  EPIPE: ['busy', 'outcome_unknown'],
  ETIMEDOUT: ['busy', 'outcome_unknown'],
  DEADLINE: ['busy', 'outcome_unknown'],
  // A fault of ours.
  '42501': ['internal', 'internal'],
  '22P02': ['internal', 'internal'],
  '23505': ['internal', 'internal'],
  LGIMM: ['internal', 'internal'],
  XX000: ['internal', 'internal'],
  UNDEFINED_VALUE: ['internal', 'internal'],
}

test.each(Object.entries(TABLE))('problemOf() makes of %s: %j', (code, [read, write]) => {
  expect(problemOf(failing(code)).code).toBe(read)
  expect(problemOf(failing(code), { writes: true }).code).toBe(write)
})

test('what ends a session, or lets none begin, is no fault of ours', () => {
  const fatal = (code: string) => Object.assign(failing(code), { severity: 'FATAL' })
  for (const code of ['55000', '42501', '28P01', '53300']) {
    expect(problemOf(fatal(code), { writes: true }).code).toBe('busy')
    expect(isOutcomeUnknown(fatal(code))).toBe(false)
  }
  for (const code of ['XX000', '58030', '25P03', '57P01']) {
    expect(problemOf(fatal(code)).code).toBe('busy')
    expect(problemOf(fatal(code), { writes: true }).code).toBe('outcome_unknown')
  }
})

test('what a coordinator says of a worker that it lost may have been committed', () => {
  const lost = (parts: object) => Object.assign(failing('XX000'), { severity: 'ERROR' }, parts)
  const executing = 'PL/pgSQL function x\nwhile executing command on 10.0.0.1:5432'
  for (
    const error of [
      lost({ message: 'server closed the connection unexpectedly', where: executing }),
      lost({
        message: 'could not commit transaction for shard 102008 on at least one active node',
      }),
    ]
  ) {
    expect(problemOf(error).code).toBe('busy')
    expect(problemOf(error, { writes: true }).code).toBe('outcome_unknown')
  }
})

test('whatever was thrown is a problem that shows nothing of it', () => {
  for (
    const thrown of [failing(), failing(''), null, undefined, 'text', 7, {}, new TypeError('x')]
  ) {
    const problem = problemOf(thrown, { writes: true })
    expect(problem).toMatchObject({ code: 'internal', details: {}, message: 'internal' })
    expect(problem.cause).toBe(thrown)
  }
})

test('a problem stays what it is', () => {
  const problem = new Problem('busy', { detail: 'x' })
  expect(problemOf(problem, { writes: true })).toBe(problem)
})

test('only codes after which a write may have happened are of unknown outcome', () => {
  for (const [code, [, write]] of Object.entries(TABLE)) {
    expect([code, isOutcomeUnknown(failing(code))]).toEqual([code, write === 'outcome_unknown'])
  }
})

test('only lost races are worth a repeat by ourselves', () => {
  expect(Object.keys(TABLE).filter((code) => isRetryable(failing(code)))).toEqual([
    '40001',
    '40P01',
  ])
})

test('problemCode() knows the codes of post_entries and calls everything else internal', () => {
  expect(problemCode('LGFND')).toBe('insufficient_funds')
  for (const code of ['', 'ok', 'LGXXX']) {
    expect(problemCode(code)).toBe('internal')
  }
})

test('statuses are those of the contract', () => {
  const byStatus: Record<number, string[]> = {}
  for (const [code, { status }] of Object.entries(PROBLEMS)) (byStatus[status] ??= []).push(code)
  expect(byStatus).toEqual({
    400: ['invalid_request', 'invalid_idempotency_key'],
    401: ['unauthorized'],
    403: ['forbidden'],
    404: ['unknown_user', 'unknown_entry', 'unknown_hold', 'not_found'],
    405: ['method_not_allowed'],
    409: ['hold_not_active', 'already_reversed', 'user_frozen', 'too_many_holds'],
    410: ['cursor_gone'],
    413: ['payload_too_large'],
    415: ['unsupported_media_type'],
    422: [
      'insufficient_funds',
      'idempotency_key_reused',
      'expiry_not_later',
      'balance_out_of_range',
      'same_user',
    ],
    429: ['rate_limited'],
    500: ['internal'],
    501: ['not_supported'],
    503: ['busy', 'outcome_unknown'],
  })
})
