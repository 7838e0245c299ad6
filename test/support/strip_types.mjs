/**
 * `node --import ./test/support/strip_types.mjs file.ts` runs what this project is written in, as
 * newer versions of Node do by themselves. For the programs that tests start: tsx, with which
 * people start them on Node 20, takes as long to load them as most of them run.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, threadId } from 'node:worker_threads'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const CACHE = `${PROJECT}node_modules/.cache/stripped/`

// This file is also what it registers, in the thread for that.
if (isMainThread) register(import.meta.url)

/** Of a file's text, each line where it was; made once as long as the text is the same. */
function strip(path, text) {
  const kept = CACHE + encodeURIComponent(relative(PROJECT, path))
  const [source, code] = read(kept)
  if (source === text) return code
  const { transformSync } = createRequire(import.meta.url)('@swc/wasm-typescript')
  const made = transformSync(text, { mode: 'strip-only' }).code
  try {
    mkdirSync(CACHE, { recursive: true })
    const own = `${kept}.${process.pid}.${threadId}`
    writeFileSync(own, JSON.stringify([text, made]))
    renameSync(own, kept)
  } catch {
    // The program runs as a user who may not write there, and makes it anew each time.
  }
  return made
}

function read(kept) {
  try {
    return JSON.parse(readFileSync(kept, 'utf8'))
  } catch {
    return []
  }
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts') || url.includes('/node_modules/')) return await next(url, context)
  const path = fileURLToPath(url)
  return { format: 'module', shortCircuit: true, source: strip(path, readFileSync(path, 'utf8')) }
}
