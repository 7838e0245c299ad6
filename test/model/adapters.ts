/** The ways into the ledger: each does commands of the model, and answers in its words. */
import { type Call, type Caller, type Done, isRace } from './call.ts'
import { answered, byBatch, byPost, bySql, byTransaction } from './sql_adapters.ts'
import { byHttp, byHttpBatch } from './http_adapter.ts'

/** Repeats what lost a race, as callers have to. */
async function repeated(work: () => Promise<string[]>): Promise<string[]> {
  for (;;) {
    const answer = await work()
    if (!isRace(answer)) return answer
  }
}

/** Does a call, however often it loses a race. */
export async function perform(caller: Caller, call: Call): Promise<Done[]> {
  if (call.channel === 'batch') return await byBatch(caller, call.commands)
  if (call.channel === 'post') return await byPost(caller, call.commands)
  if (call.channel === 'http batch') return await byHttpBatch(caller, call.commands)
  if (call.channel === 'transaction') {
    const steps = await byTransaction(caller, call.commands, call.undone)
    return [{ channel: 'sql', steps, undone: call.undone }]
  }
  const [command] = call.commands
  const work = call.channel === 'http' ? byHttp : bySql
  const answer = await repeated(() => answered(work(caller, command)))
  return [{ channel: call.channel, steps: [{ command, answer }], undone: false }]
}
