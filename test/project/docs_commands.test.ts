/**
 * The commands of README.md and docs/tutorial.md, run word by word in a fresh clone of what is
 * here, and what the pages show of their output. `bash` and `sql` blocks are run. Of their output,
 * a block of `json` shows all, `text` some lines (`…` stands for anything), `http` pieces in their
 * order.
 *
 * LEDGER_TEST_SHARE below 1 gives the clone the packages that are installed here; else it has its
 * own `npm ci`.
 */
import { execFile, spawn, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, isFree } from '../../dev/ports.ts'
import { masked } from '../support/http.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { PROJECT } from '../support/run_typescript.ts'
import { onDeno } from '../support/service.ts'

const PAGES = ['README.md', 'docs/tutorial.md']
const ADDRESS = '127.0.0.1:3000'
const START = 'npm ci\nnpm start\n'
const INSTALLS = Number(process.env['LEDGER_TEST_SHARE'] ?? 1) === 1
const LIMIT_MS = 300_000

interface Block {
  language: string
  text: string
}

let clone: string
let port: number

const env = () => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  // What whoever runs this has set for curl and psql isn't on the pages.
  CURL_HOME: clone,
  PSQLRC: '/dev/null',
  LC_ALL: 'C.UTF-8',
  PORT: String(port),
  npm_config_prefer_offline: 'true',
  npm_config_update_notifier: 'false',
})

const withoutNpm = (output: string) => output.replace(/^\n> .+\n> .+\n\n/gm, '')

/** Standard output; any other exit code than 0 fails. */
async function bash(script: string): Promise<string> {
  const options = { cwd: clone, env: env(), maxBuffer: 1e8 }
  const { stdout } = await promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], options)
  return withoutNpm(stdout)
}

/** With what was changed and not committed, but nothing that git ignores. */
async function cloneProject(): Promise<void> {
  clone = await mkdtemp(join(tmpdir(), 'ledger-clone-'))
  // As folders usually are: PostgreSQL, which has a user of its own where root starts it, gets in.
  await chmod(clone, 0o755)
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: PROJECT, maxBuffer: 1e8 })).stdout
  await git('clone', '--quiet', PROJECT, clone)
  const changed = await git('diff', '-z', '--name-only', '--no-renames', 'HEAD')
  const added = await git('ls-files', '-z', '--others', '--exclude-standard')
  for (const name of `${changed}${added}`.split('\0').filter(Boolean)) {
    if (existsSync(join(PROJECT, name))) await cp(join(PROJECT, name), join(clone, name))
    else await rm(join(clone, name))
  }
}

beforeAll(async () => {
  port = await isFree('127.0.0.1', 3000) ? 3000 : await freePort()
  await cloneProject()
  await bash(INSTALLS ? 'npm ci' : `ln -s '${PROJECT}/node_modules' .`)
}, LIMIT_MS)

afterAll(async () => {
  await rm(clone, { recursive: true, force: true })
})

const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .map(([, language, content]) => ({ language: language!, text: content! }))

/** Times, hashes and durations are unlike any others; psql pads lines. */
const comparable = (text: string) =>
  masked(text)
    .replace(/\d+\.\d seconds/g, 'N seconds')
    .replace(/ +$/gm, '')
    .replace(/^\n+|\n+$/g, '')

function expectShown({ language, text }: Block, output: string): void {
  const [shown, actual] = [comparable(text), comparable(output)]
  if (language === 'json') expect(JSON.parse(actual)).toEqual(JSON.parse(shown))
  else if (language === 'text') {
    const pattern = shown.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    expect(actual).toMatch(new RegExp(`^${pattern.join('.*')}$`, 'm'))
  } else {
    expect(language).toBe('http')
    let from = 0
    for (const piece of shown.split('\n')) {
      expect(actual.slice(from)).toContain(piece)
      from = actual.indexOf(piece, from) + piece.length
    }
  }
}

/** `npm start` as a terminal runs it, or what the pages have in its place for Deno. */
async function startLedger(): Promise<{ output: string; url: string; stop(): Promise<void> }> {
  const words = onDeno ? ['npx', 'deno', 'task', 'start'] : ['npm', 'start']
  const options: SpawnOptions = { cwd: clone, env: env(), detached: true, stdio: 'pipe' }
  const child = spawn(words[0]!, words.slice(1), options)
  let output = ''
  const ended = new Promise((resolve) => child.once('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
        const printed = /^psql (postgres:\S+)\n/m.exec(output)?.[1]
        if (printed) resolve(printed)
      })
    }
    void ended.then(() => reject(new Error(output)))
  })
  const stop = async () => {
    process.kill(-child.pid!, 'SIGINT')
    await ended
  }
  return { output, url, stop }
}

test.for(PAGES)('%s shows what its commands do', { timeout: LIMIT_MS }, async (page, { skip }) => {
  if (psqlIsMissing) skip('psql is not installed')
  const text = (await readFile(join(clone, page), 'utf8')).replaceAll(ADDRESS, `127.0.0.1:${port}`)
  const [start, ...blocks] = blocksOf(text) as [Block, ...Block[]]
  expect(start).toEqual({ language: 'bash', text: START })
  await rm(join(clone, '.data'), { recursive: true, force: true })
  const ledger = await startLedger()
  try {
    let exports = ''
    let { output } = ledger
    for (const block of blocks) {
      if (block.language === 'sql') {
        output = await bash(`psql '${ledger.url}' 2>&1 <<'SQL'\n${block.text}SQL`)
      } else if (block.language === 'bash') {
        const script = block.text.replaceAll('postgres://…', ledger.url)
        output = await bash(exports + script)
        exports += script.match(/^export .+\n/gm)?.join('') ?? ''
      } else expectShown(block, output)
    }
  } finally {
    await ledger.stop()
  }
})
