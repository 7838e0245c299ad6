/** Operations of every kind and manual entries through every channel, without a pause. */
import { randomOf, SHARE } from '../support/share.ts'
import { BLANK, Chooser, GROUP, Known, USERS } from './choices.ts'
import { debitsOverHttp, type HttpChannel, readOverHttp, writeOverHttp } from './http_channel.ts'
import { pause } from './pause.ts'
import { type Answer, count, MARK, type Record, type Write } from './record.ts'
import { createSqlChannel, type SqlChannel } from './sql_channel.ts'

const HTTP_WORKERS = 16
const SQL_WORKERS = 5
const READERS = 4
/** On average, after each write. In a small share a scenario mustn't take all that there is. */
const PACE_MS = SHARE < 0.1 ? 200 : 50
/** After a refusal that says nothing about the write. */
const RETRY_MS = 50

const START: bigint[] = [300_00n, 100_00n, 10_00n]

export interface Load {
  /** How long each worker rests after a write; undefined: as usual. */
  pace(ms?: number): void
  /** Resolves once nobody writes any more, until `resume`. */
  pause(): Promise<void>
  resume(): void
  /** Reads every user from every instance. */
  readAll(): Promise<void>
  /** How many writes have been acknowledged. */
  done(): number
  stop(): Promise<void>
}

export interface LoadOptions {
  record: Record
  channel: HttpChannel
  /** Of the instances. */
  urls: string[]
  /** For people. */
  sqlUrl: string
  seed: number
}

/** The credits that everybody begins with. */
export async function fund(record: Record, sqlUrl: string): Promise<void> {
  const channel = createSqlChannel(sqlUrl, record)
  for (let user = 0; user < USERS; user++) {
    const write = { ...BLANK, key: `${MARK}start-${user}`, channel: 'sql', kind: 'credit' } as const
    const funded = { ...write, user, amount: START[user % GROUP]!, answers: [] }
    record.writes.push(funded)
    await perform(record, [funded], async () => [await channel.perform(funded)])
  }
  await channel.close()
}

async function perform(record: Record, writes: Write[], send: () => Promise<Answer[]>) {
  const answers = await send()
  writes.forEach((write, i) => {
    const answer = answers[i]!
    write.answers.push(answer)
    if (answer.end === 'refused') count(record, `refused ${write.channel} ${answer.code}`)
    if (answer.end === 'unknown') count(record, `unknown ${write.channel} ${answer.why}`)
  })
  return answers
}

/** Callers who write and read until they are told to stop. */
class Callers {
  readonly #options: LoadOptions
  readonly #known = new Known()
  /** The highest seq that an instance has told of each user. */
  readonly #told = new Map<string, number>()
  #writing = 0
  isStopped = false
  isPaused = false
  pace_ms = PACE_MS
  /** Writes that were done. */
  done = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Writes through HTTP, to each instance in turn. */
  async writeOverHttp(n: number): Promise<void> {
    const { urls, channel } = this.#options
    let turn = n
    await this.#write(n, 'http', (writes) => {
      const url = urls[turn++ % urls.length]!
      const [first] = writes
      const answers = writes.length > 1
        ? debitsOverHttp(channel, url, writes)
        : writeOverHttp(channel, url, first!).then((answer) => [answer])
      return { url, answers }
    })
  }

  /** Writes through SQL. */
  async writeOverSql(n: number, person: SqlChannel): Promise<void> {
    await this.#write(HTTP_WORKERS + n, 'sql', (writes) => {
      const [first, second] = writes
      if (!second) return { answers: person.perform(first!).then((answer) => [answer]) }
      const isBatch = first!.kind === 'debit'
      return { answers: isBatch ? person.debits(writes) : person.together(first!, second) }
    })
  }

  async read(n: number): Promise<void> {
    const { urls, seed } = this.#options
    const random = randomOf(seed * 1000 + 999 - n)
    while (!this.isStopped) {
      const url = urls[Math.floor(random() * urls.length)]!
      const isRead = await this.readOne(url, Math.floor(random() * USERS))
      await pause(isRead ? 20 : 2 * RETRY_MS)
    }
  }

  async readOne(url: string, user: number): Promise<boolean> {
    const atLeastSeq = this.#told.get(`${url} ${user}`) ?? 0
    const got = await readOverHttp(this.#options.channel, url, user)
    if (!got) return false
    const { seq, balance, available } = got
    this.#options.record.reads.push({ user, url, atLeastSeq, seq, balance, available })
    return true
  }

  /** Begins no more writes, and waits for those that were begun. */
  async pause(): Promise<void> {
    this.isPaused = true
    while (this.#writing > 0) await pause(RETRY_MS)
  }

  async #write(
    number: number,
    kind: Write['channel'],
    send: (writes: Write[]) => { url?: string; answers: Promise<Answer[]> },
  ): Promise<void> {
    const { record, seed } = this.#options
    const random = randomOf(seed * 1000 + number)
    const chooser = new Chooser(`${kind}${number}`, kind, this.#known, random)
    while (!this.isStopped) {
      if (this.isPaused) {
        await pause(RETRY_MS)
        continue
      }
      const writes = chooser.choose()
      record.writes.push(...writes)
      this.#writing++
      let url: string | undefined
      const answers = await perform(record, writes, () => {
        const sent = send(writes)
        url = sent.url
        return sent.answers
      })
      this.#writing--
      this.#learn(url, writes, answers)
      if (answers[0]!.end !== 'done') await pause(RETRY_MS)
      if (this.pace_ms > 0) await pause(this.pace_ms * 2 * random())
    }
  }

  #learn(url: string | undefined, writes: Write[], answers: Answer[]) {
    answers.forEach((answer, i) => {
      const write = writes[i]!
      this.#known.learn(write, answer)
      if (answer.end !== 'done') return
      this.done++
      if (!url) return
      const { user, to } = write
      answer.seqs.forEach((seq, half) => {
        const name = `${url} ${half === 0 ? user : to}`
        this.#told.set(name, Math.max(seq, this.#told.get(name) ?? 0))
      })
    })
  }
}

export function startLoad(options: LoadOptions): Load {
  const { record, urls, sqlUrl } = options
  const callers = new Callers(options)
  const numbers = (length: number) => Array.from({ length }, (_, n) => n)
  const people = numbers(SQL_WORKERS).map(() => createSqlChannel(sqlUrl, record))
  const all = Promise.all([
    ...numbers(HTTP_WORKERS).map((n) => callers.writeOverHttp(n)),
    ...people.map((person, n) => callers.writeOverSql(n, person)),
    ...numbers(READERS).map((n) => callers.read(n)),
  ])
  // Whoever stops the load gets to know.
  all.catch(() => {})

  return {
    pace: (ms = PACE_MS) => {
      callers.pace_ms = ms
    },
    pause: () => callers.pause(),
    resume: () => {
      callers.isPaused = false
    },
    async readAll() {
      const users = numbers(USERS)
      await Promise.all(urls.flatMap((url) => users.map((user) => callers.readOne(url, user))))
    },
    done: () => callers.done,
    async stop() {
      callers.isStopped = true
      await all
      await Promise.all(people.map((person) => person.close()))
    },
  }
}
