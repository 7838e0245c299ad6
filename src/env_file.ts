/** Settings from `.env`, for every command. */
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { parseEnv } from 'node:util'

/** The environment wins over `.env`; with process.loadEnvFile() it doesn't on Deno. */
export function loadEnvFile(): void {
  if (!existsSync('.env')) return
  for (const [name, value] of Object.entries(parseEnv(readFileSync('.env', 'utf8')))) {
    process.env[name] ??= value
  }
}
