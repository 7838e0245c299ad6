/**
 * Many debits of 1 against a balance that covers a fifth of them, through every channel at once,
 * while the credits arrive as manual entries and commit late. Everything that is random comes from
 * the seed, except for what the machine makes of it.
 */
import postgres from 'postgres'
import { connectTo, createUser } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { randomOf } from '../support/share.ts'
import { type Answer, CHANNELS, type Scene, type StormOptions } from './storm_channels.ts'

export interface Storm {
  /** What went wrong; none is good. */
  violations: string[]
  passed: number
  refused: number
  /** How many debits went through each channel. */
  channels: Record<string, number>
}

const WORKERS = 8
const LATE_CREDITS = 7

type Task = (sql: postgres.Sql) => Promise<void>

export async function runStorm(options: StormOptions): Promise<Storm> {
  const { url, seed, http, debits = 500 } = options
  const random = randomOf(seed)
  const total = debits / 5
  const open: postgres.Sql[] = []
  const connect = () => {
    const sql = connectTo(url)
    open.push(sql)
    return sql
  }
  const sql = connect()
  const user = await createUser(sql)
  // It pays at each try of a batch, however often the user is busy.
  const bystander = await createUser(sql, 1_000_000)
  const counts = { answers: [], violations: new Set<string>(), channels: {}, refused: 0 }
  const scene: Scene = { ...options, user, bystander, ...counts }
  const { violations } = scene

  const credits = await lateCredits(scene, total, connect, random)
  const attempts = attemptsOf(scene, debits, http, random)
  // Enough debits after all the credits to use up every one of them.
  const half = Math.floor(attempts.length / 2)
  const first = shuffled([...attempts.slice(0, half), ...credits], random)
  const tasks = [...first, ...attempts.slice(half)]

  const watcher = connect()
  const state = { done: false }
  const watching = (async () => {
    while (!state.done) {
      for (const finding of await findingsOf(watcher, user)) violations.add(finding)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  try {
    await Promise.all(Array.from({ length: WORKERS }, async () => {
      const own = connect()
      // One violation is enough; a broken ledger may never get to the end.
      while (tasks.length > 0 && violations.size === 0) await tasks.shift()!(own)
    }))
    state.done = true
    await watching
    for (const violation of await violationsOf(sql, scene, total)) violations.add(violation)
  } catch (error) {
    violations.add(String(error))
  } finally {
    state.done = true
    await watching.catch(() => {})
    await Promise.all(open.map((connection) => connection.end({ timeout: 0 })))
  }
  const passed = new Set(scene.answers.filter((a) => a.user === user).map((a) => a.seq)).size
  const { refused, channels } = scene
  return { violations: [...violations], passed, refused, channels }
}

async function debit(sql: postgres.Sql, scene: Scene, channel: string, key: string | undefined) {
  scene.channels[channel] = (scene.channels[channel] ?? 0) + 1
  try {
    await CHANNELS[channel]!(sql, scene, key)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'LGFND') scene.refused++
    else scene.violations.add(`${channel} failed: ${code ?? String(error)}`)
  }
}

function shuffled(tasks: Task[], random: () => number): Task[] {
  for (let i = tasks.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[tasks[i], tasks[j]] = [tasks[j]!, tasks[i]!]
  }
  return tasks
}

/**
 * Open transactions that have taken low ids already. All but the last two credit what is missing;
 * of these, one takes back what it credits, and one is rolled back.
 */
async function lateCredits(
  scene: Scene,
  total: number,
  connect: () => postgres.Sql,
  random: () => number,
): Promise<Task[]> {
  const each = Math.floor(total / LATE_CREDITS)
  const amounts = Array.from({ length: LATE_CREDITS - 1 }, () => each)
  amounts.push(total - each * (LATE_CREDITS - 1))
  const insert = (sql: postgres.Sql, amount: number) =>
    sql`insert into payment_history (user_id, action, amount)
      values (${scene.user}, 'CREDIT', ${amount})`
  const credits: Task[] = []
  for (const amount of amounts) {
    const late = connect()
    const takesFirst = random() < 0.4
    await late`begin`
    await insert(late, amount)
    credits.push(async () => {
      if (takesFirst) await debit(late, scene, 'call', undefined)
      await late`commit`
    })
  }
  const undone = connect()
  await undone`begin`
  await insert(undone, total)
  credits.push(async () => void await undone`rollback`)
  return credits
}

/** Debits of 1, some with a key, and some of those twice. */
function attemptsOf(
  scene: Scene,
  debits: number,
  http: string | undefined,
  random: () => number,
): Task[] {
  const names = Object.keys(CHANNELS).filter((channel) => channel !== 'http' || http)
  const attempts: Task[] = []
  for (let n = 0; n < debits; n++) {
    const key = random() < 0.3 ? `key-${n}` : undefined
    const times = key && random() < 0.5 ? 2 : 1
    for (let time = 0; time < times; time++) {
      const channel = names[Math.floor(random() * names.length)]!
      attempts.push((sql) => debit(sql, scene, channel, key))
    }
  }
  return attempts
}

/** What doesn't fit together at the end. */
async function violationsOf(
  sql: postgres.Sql,
  { user, bystander, answers }: Scene,
  total: number,
): Promise<string[]> {
  const violations = [...await findingsOf(sql, user), ...await findingsOf(sql, bystander)]
  const rows = await sql<
    { user_id: string; seq: string | null; balance: string; action: string }[]
  >`
    select user_id, seq, balance, action from payment_history
     where user_id in (${user}, ${bystander}) order by user_id, seq`
  const debits = new Map(
    rows.flatMap((row) =>
      row.action === 'DEBIT' ? [[`${row.user_id}/${row.seq}`, row.balance]] : []
    ),
  )
  const answered = new Map<string, Answer>()
  for (const answer of answers) {
    const name = `${answer.user}/${answer.seq}`
    if (debits.get(name) !== answer.balance) violations.push(`answered, but not there: ${name}`)
    const before = answered.get(name)
    if (before && (!answer.key || before.key !== answer.key)) {
      violations.push(`two debits got the same entry: ${name}`)
    }
    answered.set(name, answer)
  }
  const mine = rows.filter((row) => Number(row.user_id) === user)
  const taken = mine.filter((row) => row.action === 'DEBIT').length
  if (taken !== total) violations.push(`${taken} debits of ${total} that are covered`)
  for (const id of [user, bystander]) {
    const passed = [...answered.values()].filter((answer) => answer.user === id).length
    const made = [...debits.keys()].filter((name) => name.startsWith(`${id}/`)).length
    if (passed !== made) violations.push(`${passed} debits of ${id} were answered, ${made} made`)
  }
  if (mine.some((row) => row.seq === null)) violations.push('a manual entry was never posted')
  if (mine.some((row) => row.balance?.startsWith('-'))) violations.push('a negative balance')
  return violations
}
