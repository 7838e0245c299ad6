// Looks for secrets in what is or could be committed: `node .ci/secrets.mjs [folder]`.
// Prints where each is and what it looks like, never the secret; status 1 if there are any.
// A line with the words "not a secret" in it is left alone.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MAX_BYTES = 5_000_000
const ALLOWED = /not a secret/

// By who gives them out; the prefixes are those that they document.
const PATTERNS = {
  'token of a ledger': /\bledger_[\w-]{43}(?![\w-])/,
  'private key (PEM, RFC 7468)': /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/,
  'AWS access key id': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'Azure storage key': /\bAccountKey=[\w+/]{60,}=*/,
  'GitHub token': /\b(?:gh[oprsu]_\w{36,}|github_pat_\w{50,})/,
  'GitLab token': /\bglpat-[\w-]{20,}/,
  'Google API key': /\bAIza[\w-]{35}/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}\b/,
  'Slack token or hook': /\bxox[abeoprs]-[\w-]{10,}|hooks\.slack\.com\/services\/\w+/,
  'Stripe key': /\b(?:[rs]k|whsec)_(?:live_|test_)?[A-Za-z0-9]{24,}/,
  'JSON Web Token (RFC 7519)': /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}/,
}

// What isn't known by a prefix is known by where it stands, if it looks random, too.
const PLACES = {
  'password in a URL': /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s:/@]{12,})@/gi,
  'credentials in a header': /\b(?:bearer|basic|token)\s+([\w+/=.~-]{20,})/gi,
  'password in SQL': /\bpassword\s+(?:E|U&)?'([^']{12,})'/gi,
  'value of a secret':
    /\w*(?:passw(?:or)?d|secret|token|api_?key|private_?key)["'`]?\s*[:=]\s*["'`]?([\w+/=.~-]{20,})/gi,
}

/** Bits for each character: words have about 3, random letters and digits more than 3.5. */
function entropy(text) {
  const counts = new Map()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count * Math.log2(count / text.length)
  return bits / text.length
}

const isRandom = (text) => /\d/.test(text) && /[a-z]/i.test(text) && entropy(text) > 3.3

function* secretsIn(line) {
  for (const [kind, pattern] of Object.entries(PATTERNS)) if (pattern.test(line)) yield kind
  for (const [kind, pattern] of Object.entries(PLACES)) {
    for (const [, value] of line.matchAll(pattern)) if (isRandom(value)) yield kind
  }
}

function filesOf(folder) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1e8 })
    .split('\0').filter((name) => name !== '')
}

function read(path) {
  try {
    return readFileSync(path)
  } catch {
    // Deleted, but not yet in the index; or a link that leads nowhere.
    return Buffer.alloc(0)
  }
}

function* findingsIn(folder) {
  for (const name of filesOf(folder)) {
    if (/(^|\/)\.env(\.(?!example$)[^/]*)?$/.test(name)) yield `${name}: settings of a machine`
    const bytes = read(join(folder, name))
    if (bytes.length > MAX_BYTES) yield `${name}: too large to be looked at`
    else {
      const lines = bytes.toString('latin1').split('\n')
      for (const [n, line] of lines.entries()) {
        if (ALLOWED.test(line)) continue
        for (const kind of secretsIn(line)) yield `${name}:${n + 1}: ${kind}`
      }
    }
  }
}

const findings = [...findingsIn(process.argv[2] ?? '.')]
for (const finding of findings) console.error(`SECRET ${finding}`)
process.exitCode = findings.length > 0 ? 1 : 0
