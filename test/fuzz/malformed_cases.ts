/** Bytes that are hardly HTTP, and what becomes of them. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Connection } from './connection.ts'
import { bytesOfAll, MALFORMED, malformed } from './malformed.ts'
import type { Sent } from './hardly_http.ts'
import { bytesOf, type Request } from './request.ts'
import { problemFaults } from './rules.ts'
import { SEED, SHARE } from '../support/share.ts'
import {
  CANARY,
  CONNECTIONS,
  document,
  expectNone,
  expectTrueBooks,
  judge,
  MALFORMED_COUNT,
  url,
  users,
} from './services.ts'

const NEXT: Request = { method: 'HEAD', target: '/next', headers: [['Host', 'ledger']] }
/** What it says to who sends no request, by status. */
const REFUSALS: Record<number, string> = {
  400: 'The request is not valid HTTP.',
  431: 'The head must be at most 16384 bytes.',
}

/** What became of it, by the words of the table, and what is wrong with the answers. */
async function verdictOn(sent: Sent): Promise<{ verdict: string; violations: string[] }> {
  const { request, before } = sent
  const connection = new Connection(url)
  const violations: string[] = []
  try {
    connection.send(bytesOfAll(sent))
    if (sent.ends) connection.end()
    for (const request of before) {
      violations.push(...judge({ request, answer: await connection.answer(request.method) }))
    }
    const answer = await connection.answer(request.method)
    if (!answer) return { verdict: connection.isClosed ? 'cut' : 'nothing at all', violations }
    if (sent.never && answer.text.includes(sent.never)) violations.push(`has ${sent.never}`)
    const isProblem = answer.text.includes(REFUSALS[answer.status] ?? '{none}')
    if (isProblem) violations.push(...problemFaults(document, answer))
    else violations.push(...judge({ request, answer }))
    // Whatever is left of the bytes must not be a request: this one is the next.
    if (!sent.ends) connection.send(bytesOf(NEXT))
    const next = await connection.answer(NEXT.method)
    if (next && ![400, 404].includes(next.status)) violations.push(`and then ${next.status}`)
    if (!isProblem) return { verdict: 'served', violations }
    if (next) return { verdict: 'declined', violations }
    return { verdict: answer.status === 431 ? 'too large' : 'problem', violations }
  } finally {
    connection.close()
  }
}

test(`${MALFORMED_COUNT} that are hardly HTTP: seed ${SEED}`, async () => {
  const all = fc.sample(malformed({ users, canary: CANARY }), {
    seed: SEED,
    numRuns: MALFORMED_COUNT,
  })
  const waiting = all.values()
  const wrong: string[] = []
  const seen = new Set<string>()
  await Promise.all(Array.from({ length: CONNECTIONS / 2 }, async () => {
    for (const sent of waiting) {
      const { verdict, violations } = await verdictOn(sent)
      const { verdicts } = MALFORMED[sent.name]!
      if (!(verdicts as string[]).includes(verdict)) {
        violations.push(`${verdict}, not ${verdicts.join(' or ')}`)
      }
      seen.add(sent.name)
      const text = JSON.stringify(bytesOfAll(sent).toString('latin1')).slice(0, 3_000)
      wrong.push(...violations.map((violation) => `${sent.name}: ${violation}: ${text}`))
    }
  }))
  expectNone(wrong)
  await expectTrueBooks()
  if (SHARE >= 1) expect([...seen].sort()).toEqual(Object.keys(MALFORMED).sort())
})
