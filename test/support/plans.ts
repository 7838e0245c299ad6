/** How statements reach rows: what they read, and by which plans. */
import postgres from 'postgres'
import { one } from './ledger.ts'

/** How many pages a statement touches, once caches are warm. */
export async function pagesOf(sql: postgres.Sql, statement: string): Promise<number> {
  let fewest = Infinity
  for (let n = 0; n < 8; n++) {
    const explained = await one(sql.unsafe(`explain (analyze, buffers, format json) ${statement}`))
    const plan = explained['QUERY PLAN'][0].Plan
    fewest = Math.min(fewest, plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
  }
  return fewest
}

interface Node {
  'Node Type': string
  'Relation Name'?: string
  'Index Cond'?: string
  Plans?: Node[]
}

/** How the tables are reached by every statement that runs inside of the given ones. */
export async function scansOf(url: string, statements: string[]): Promise<Set<string>> {
  const scans = new Set<string>()
  const visit = (node: Node) => {
    if (node['Relation Name'] && node['Node Type'] !== 'ModifyTable') {
      // All of an index is no better: that is how EXISTS is answered from a hash table.
      const all = node['Node Type'].startsWith('Index') && !node['Index Cond'] ? 'Full ' : ''
      scans.add(`${all}${node['Node Type']} on ${node['Relation Name']}`)
    }
    node.Plans?.forEach(visit)
  }
  const explained = postgres(url, {
    max: 1,
    fetch_types: false,
    onnotice: ({ message }) => {
      const json = /plan:\s*(\{[^]*\})\s*$/.exec(message ?? '')?.[1]
      if (json) visit((JSON.parse(json) as { Plan: Node }).Plan)
    },
  })
  try {
    await explained`load 'auto_explain'`
    await explained`
      select set_config('auto_explain.log_min_duration', '0', false),
             set_config('auto_explain.log_nested_statements', 'on', false),
             set_config('auto_explain.log_format', 'json', false),
             set_config('client_min_messages', 'log', false)`
    for (const statement of statements) await explained.unsafe(statement)
  } finally {
    await explained.end()
  }
  return scans
}
