/** Asks every server of a ledger the same. */
import type postgres from 'postgres'
import { isDistributed } from './is_distributed.ts'

/**
 * Finds out whether there is more than the server that `sql` leads to.
 * @returns a function that answers the text of an SQL expression on each server, always in the same
 * order, and throws an Error with one line if one of them fails
 */
export async function createAskServers(
  sql: postgres.Sql,
): Promise<(expression: string) => Promise<string[]>> {
  const isOnSeveral = await isDistributed(sql)
  const askWorkers = (query: string) =>
    sql<{ success: boolean; result: string }[]>`
      select success, result from run_command_on_workers(${query}) order by nodename, nodeport`
  return async (expression) => {
    const query = `select (${expression})::text as result`
    const [here] = await sql.unsafe<{ result: string }[]>(query)
    const workers = isOnSeveral ? await askWorkers(query) : []
    const failed = workers.find(({ success }) => !success)
    if (failed) throw new Error(`a worker does not answer: ${failed.result}`)
    return [here!, ...workers].map(({ result }) => result)
  }
}
