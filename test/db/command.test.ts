import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { runTypeScript } from '../support/run_typescript.ts'

test('a command in a database without a ledger ends with 2 and names npm run migrate', async () => {
  const sql = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
  const name = `test_${crypto.randomUUID()}`
  const url = new URL(inject('databaseUrl'))
  url.pathname = name
  await sql`create database ${sql(name)}`
  try {
    const commands = [['verify.ts'], ['desk/seed.ts', '--users', '2']]
    const runs = commands.map(([file, ...args]) =>
      runTypeScript(`db/${file}`, args, { DATABASE_URL: url.href })
    )
    for (const run of runs) {
      expect(await run.ended, run.output()).toBe(2)
      expect(run.output()).toMatch(/^.*npm run migrate.*\n$/)
    }
  } finally {
    await sql`drop database ${sql(name)} with (force)`
    await sql.end()
  }
})
