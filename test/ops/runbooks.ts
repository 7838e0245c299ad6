/** What the runbooks say to run. */
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = 'ops/runbooks'

/** The blocks of that language in all runbooks, without the space in front of those in lists. */
export const blocksOf = (language: string): string[] =>
  readdirSync(FOLDER).flatMap((file) =>
    [
      ...readFileSync(`${FOLDER}/${file}`, 'utf8')
        .matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm')),
    ].map(([, indent, text]) => text!.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trim())
  )
