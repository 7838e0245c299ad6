/** Reads the Dockerfile, as far as tests need it. */
import { readFileSync } from 'node:fs'

export interface Stage {
  name: string
  image: string
  /** Instruction and its text, such as `['EXPOSE', '3000']`, in order. */
  instructions: [string, string][]
}

/** The stages of the Dockerfile; the last one is the default target. */
export function readStages(): Stage[] {
  const stages: Stage[] = []
  const lines = readFileSync('Dockerfile', 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  for (const line of lines.filter((text) => text !== '')) {
    const [, instruction, text] = /^(\w+) (.*)$/.exec(line) ?? []
    if (!instruction || !text) throw new Error(`not an instruction: ${line}`)
    const from = /^(\S+) AS (\S+)$/.exec(text)
    if (instruction === 'FROM' && from) {
      stages.push({ name: from[2]!, image: from[1]!, instructions: [] })
    } else stages.at(-1)!.instructions.push([instruction, text])
  }
  return stages
}

/** The texts of a stage's instructions of one kind. */
export const instructionsOf = (stage: Stage, instruction: string): string[] =>
  stage.instructions.filter(([name]) => name === instruction).map(([, text]) => text)

/** The command of the stage, as an argument vector. */
export function commandOf(stage: Stage): string[] {
  const [cmd] = instructionsOf(stage, 'CMD')
  return JSON.parse(cmd ?? '[]') as string[]
}
