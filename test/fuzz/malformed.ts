/**
 * Bytes that are no HTTP, that two readers of HTTP could read as different requests, or that few
 * clients send; and what becomes of them, on either runtime. Whoever parses HTTP is not ours: this
 * table says what is true of it, and why that does no harm.
 */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { bytesOf, type Request } from './request.ts'
import type { Row, Sent, World } from './hardly_http.ts'
import { LENGTHS } from './malformed_lengths.ts'
import { FIRST_LINES } from './malformed_first_lines.ts'
import { HEADERS } from './malformed_headers.ts'
import { BODIES } from './malformed_bodies.ts'

export const MALFORMED: Record<string, Row> = {
  ...LENGTHS,
  ...FIRST_LINES,
  ...HEADERS,
  ...BODIES,
}

const LIVE: Request = { method: 'GET', target: '/livez', headers: [['Host', 'ledger']] }
const NOTHING: Request = { ...LIVE, method: 'HEAD', target: '/nothing' }

/** A kind of the table, after good requests, of which one may be a write. */
export const malformed = (world: World): fc.Arbitrary<Sent> =>
  fc.constantFrom(...Object.keys(MALFORMED)).chain((name) =>
    fc.record({
      sent: MALFORMED[name]!.make(world),
      before: fc.oneof<fc.MaybeWeightedArbitrary<Request[]>[]>(
        { weight: 2, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.array(fc.constantFrom(LIVE, NOTHING), { minLength: 1, maxLength: 5 }),
        },
      ),
    }).map(({ sent, before }) => ({ name, before, ...sent }))
  )

/** All bytes of it, in one go. */
export const bytesOfAll = ({ before, bytes }: Sent): Buffer =>
  Buffer.concat([...before.map((request) => bytesOf(request)), bytes])
