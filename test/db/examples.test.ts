import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { connectTo } from '../support/ledger.ts'
import { fixTimes, psqlIsMissing, runScript } from '../support/psql.ts'

const FOLDER = 'db/examples'
const examples = readdirSync(FOLDER).filter((file) => file.endsWith('.sql'))

// UPDATE=1 writes what psql printed, to be read before it is committed.
test.for(examples)('db/examples/%s does what its .out shows', async (file, { skip }) => {
  skip(psqlIsMissing, 'needs psql')
  const database = await createDatabase()
  try {
    const shown = `${FOLDER}/${file.replace(/sql$/, 'out')}`
    const printed = await runScript(database.url, `${FOLDER}/${file}`)
    if (process.env['UPDATE'] === '1') writeFileSync(shown, printed)
    expect(existsSync(shown), shown).toBe(true)
    expect(printed).toBe(readFileSync(shown, 'utf8'))
  } finally {
    await database.drop()
  }
})

test('the examples can be tried one after the other, and again, and leave nothing behind', async ({ skip }) => {
  skip(psqlIsMissing, 'needs psql')
  const database = await createDatabase()
  const sql = connectTo(database.url)
  try {
    await sql`select create_user(7), create_user(8), credit_user(7, 1), credit_user(8, 1000)`
    const rows = () =>
      sql`select (select count(*) from users) as users, (select count(*) from holds) as holds,
                 (select jsonb_agg(u order by u.id) from users u) as balances,
                 (select count(*) from payment_history) as entries`
    const before = [...await rows()]
    for (const file of [...examples, ...examples]) {
      const printed = await runScript(database.url, `${FOLDER}/${file}`)
      expect(printed).toBe(readFileSync(`${FOLDER}/${file.replace(/sql$/, 'out')}`, 'utf8'))
    }
    expect([...await rows()]).toEqual(before)
  } finally {
    await sql.end()
    await database.drop()
  }
})

test('every .out has its .sql', () => {
  const outs = readdirSync(FOLDER).filter((file) => file.endsWith('.out'))
  expect(outs.map((file) => file.replace(/out$/, 'sql'))).toEqual(examples)
})

test('times are the same in every output, and so are the columns that they are in', () => {
  const printed = (time: string) =>
    [
      ` seq |${'ts'.padStart(2 + time.length / 2).padEnd(time.length + 2)}| note `,
      `-----+${'-'.repeat(time.length + 2)}+------`,
      `   1 | ${time} | a`,
      `   2 | ${' '.repeat(time.length)} | `,
      '(2 rows)',
      '',
    ].join('\n')
  expect(fixTimes(printed('2026-11-23 01:02:03.12+00')).split('\n').slice(1, 4)).toEqual([
    '-----+-------------------------------+------',
    '   1 | 2026-11-23 12:00:00.000000+00 | a',
    '   2 |                               | ',
  ])
  expect(fixTimes(printed('2025-01-02 03:04:05.123456+00')))
    .toBe(fixTimes(printed('2026-11-23 01:02:03+00')))
})
