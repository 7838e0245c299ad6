/** A ledger on Citus for a test file, if LEDGER_TEST_CITUS_URL names a coordinator with workers. */
import { randomBytes } from 'node:crypto'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { connectTo } from './ledger.ts'
import { runTypeScript } from './run_typescript.ts'

const CITUS_URL = process.env['LEDGER_TEST_CITUS_URL']
export const citusIsMissing = CITUS_URL === undefined

export interface CitusLedger {
  /** To the coordinator, as superuser. */
  readonly url: string
  /** To each worker. */
  readonly workerUrls: string[]
  /** A connection of its own, closed with the test file; by default to the coordinator. */
  connect(url?: string): postgres.Sql
}

interface Node {
  host: string
  port: number
  groupId: number
}

const at = (node: Node, database: string): string => {
  const url = new URL(CITUS_URL!)
  url.hostname = node.host
  url.port = String(node.port)
  url.pathname = `/${database}`
  return url.href
}

async function runAt(url: string, ...statements: string[]): Promise<void> {
  const sql = connectTo(url)
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

/** As few shards as show that there are several on each worker. */
export const SHARDS = 6

/** Runs npm run distribute: its exit code, and what it prints. */
export async function distribute(
  url: string,
  ...args: string[]
): Promise<[number | string, string]> {
  const run = runTypeScript('db/citus/distribute.ts', args, { DATABASE_URL: url })
  return [await run.ended, run.output()]
}

/**
 * To be called at the top of a test file: a database of its own on each server, with a migrated
 * ledger. Nothing happens where there is no Citus.
 */
export function useCitusLedger({ isDistributed }: { isDistributed: boolean }): CitusLedger {
  const database = `test_${randomBytes(8).toString('hex')}`
  const open: postgres.Sql[] = []
  let nodes: Node[] = []

  beforeAll(async () => {
    if (citusIsMissing) return
    const sql = connectTo(CITUS_URL!)
    nodes = await sql<Node[]>`
      select n.nodename as host, n.nodeport as port, n.groupid as "groupId" from pg_dist_node n
       where n.noderole = 'primary' order by n.groupid`
    await sql.end()
    for (const node of nodes) {
      await runAt(
        at(node, 'postgres'),
        `create database ${database} encoding 'UTF8' template template0`,
      )
      await runAt(at(node, database), 'create extension citus')
    }
    const [coordinator, ...workers] = nodes
    await runAt(
      at(coordinator!, database),
      `select citus_set_coordinator_host('${coordinator!.host}', ${coordinator!.port})`,
      ...workers.map(({ host, port }) => `select citus_add_node('${host}', ${port})`),
    )
    // Roles are of the whole server, where two migrations would change them at once.
    const lock = connectTo(CITUS_URL!)
    await lock`select pg_advisory_lock(1)`
    try {
      await migrate(at(coordinator!, database))
    } finally {
      await lock.end()
    }
    if (!isDistributed) return
    const [code, output] = await distribute(at(coordinator!, database), '--shards', `${SHARDS}`)
    expect([code, output]).toEqual([0, expect.anything()])
  })

  afterAll(async () => {
    await Promise.all(open.map((sql) => sql.end({ timeout: 0 })))
    for (const node of nodes) {
      await runAt(at(node, 'postgres'), `drop database if exists ${database} with (force)`)
    }
  })

  const ledger: CitusLedger = {
    get url() {
      return at(nodes[0]!, database)
    },
    get workerUrls() {
      return nodes.slice(1).map((node) => at(node, database))
    },
    connect(url = ledger.url) {
      const sql = connectTo(url)
      open.push(sql)
      return sql
    },
  }
  return ledger
}
