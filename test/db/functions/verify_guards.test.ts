import { expect, test } from 'vitest'
import { readFunction } from '../../../db/function_blocks.ts'
import { useLedger } from '../../ledger.ts'

const ledger = useLedger()

// What it prints as received belongs into db/functions/verify_guards.sql.
test('verify_guards() has the hash of every guard as the migrations make it', async () => {
  const rows = await ledger.sql<{ line: string }[]>`
    select format('(%L, %L)', g.object,
             left(encode(sha256(convert_to(g.definition, 'UTF8')), 'hex'), 16)) as line
      from get_guards() g order by g.object collate "C"`
  const expected = readFunction('db', 'verify_guards').match(/^ {4}\('.*'\)/gm)!
  expect(rows.map(({ line }) => line)).toEqual(expected.map((line) => line.trim()))
})
