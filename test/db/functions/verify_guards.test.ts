import { expect, test } from 'vitest'
import { readFunction } from '../../../db/function_blocks.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

// `npm run db:guards` writes db/functions/verify/expected_guards.sql.
test('verify_guards() has the hash of every guard as the migrations make it', async () => {
  const rows = await ledger.sql<{ line: string }[]>`
    select format('(%L, %L)', g.object,
             left(encode(sha256(convert_to(coalesce(g.definition, ''), 'UTF8')), 'hex'), 16)) as line
      from ledger.get_guards() g order by g.object collate "C"`
  const expected = readFunction('db', 'expected_guards').match(/^ {4}\('.*'\)/gm)!
  expect(rows.map(({ line }) => line)).toEqual(expected.map((line) => line.trim()))
})
