/** fair: how long a debit takes while thousands of another user's wait, against an idle service. */
import type { Stream } from '../load.ts'
import { expectGood, httpLoop } from '../loops.ts'
import { pair, type Side } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Row } from './row.ts'

/** Each request brings a hundred debits: just below what a queue takes. */
const QUEUED_HUNDREDS = 90

export const fair: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const [crowded, other] = [SINGLES.first + 10, SINGLES.first + 12]
  const debit: Stream = {
    url: program.url,
    request: 'debit',
    users: { first: other, count: 1 },
    connections: 1,
  }
  const queue: Stream = {
    ...debit,
    request: 'hundred debits',
    users: { first: crowded, count: 1 },
    connections: QUEUED_HUNDREDS,
  }
  const behind: Side = {
    name: `p50 behind ${QUEUED_HUNDREDS}00 debits of another user, ms`,
    async run(seconds) {
      const { result, ...phase } = await bench.measure(
        [program],
        { kind: 'http', streams: [debit, queue], seconds },
        ({ streams }) => streams[0]!.p50_ms,
      )
      // Of the queue, what waited too long on a slow machine.
      expectGood(bench, behind.name, result, ['503 of a hundred', ...(bench.quick ? ['503'] : [])])
      database.note(result)
      return phase
    },
  }
  const alone = httpLoop(bench, {
    name: 'our p50 alone, ms',
    program,
    database,
    users: debit.users,
    connections: 1,
    valueIn: ({ streams }) => streams[0]!.p50_ms,
  })
  return { pairs: [await pair(bench, 'fair', behind, alone)] }
}
