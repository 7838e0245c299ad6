/** Makes a bearer token: `npm run token -- --name shop --scopes read,debit [--users 1,2]`. */
import { createHash, randomBytes } from 'node:crypto'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { SCOPES } from '../src/auth/scopes.ts'
import { parseTokens } from '../src/auth/access_tokens.ts'
import { printedHelp } from '../src/command_line.ts'

const USAGE = 'usage: npm run token -- --name NAME --scopes SCOPE,SCOPE… [--users ID,ID…]'
const HELP = `
${USAGE}

Prints a new bearer token, which is kept nowhere, and its entry for the list in ACCESS_TOKENS_FILE.
--name    whose it is: 1 to 64 letters, digits, _ . or -
--scopes  what it is good for: ${SCOPES.join(', ')}
--users   the only users that it reaches; by default all

exit codes: 0 there is a token, 1 there is none, for the reason in one line`
const SECRET_BYTES = 32

/** @returns the token, which is nowhere else, and its entry for ACCESS_TOKENS_FILE */
function newToken(args: string[]): { token: string; entry: object } {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string' }, scopes: { type: 'string' }, users: { type: 'string' } },
  })
  // With a name of its own in front, those who look for lost secrets recognise it.
  const token = `ledger_${randomBytes(SECRET_BYTES).toString('base64url')}`
  const entry = {
    name: values.name,
    scopes: values.scopes?.split(','),
    ...(values.users !== undefined && {
      users: values.users.split(',').map((id) => /^\d+$/.test(id) ? Number(id) : id),
    }),
    sha256: [createHash('sha256').update(token).digest('hex')],
  }
  parseTokens(JSON.stringify([entry]))
  return { token, entry }
}

function main(): void {
  const { token, entry } = newToken(process.argv.slice(2))
  console.error('The token, shown only now, and its entry in the list of ACCESS_TOKENS_FILE:')
  console.log(token)
  console.log(JSON.stringify(entry))
}

try {
  if (!printedHelp(HELP, process.argv.slice(2))) main()
} catch (error) {
  const fault = (error as Error).message.split('\n')[0]!.replace(/^at 0\./, '')
  console.error(`${fault}\n${USAGE}\neach SCOPE is one of ${SCOPES.join(', ')}`)
  process.exitCode = 1
}
