/** The service on Deno Deploy, with the permissions that it has there. */
import { readdirSync } from 'node:fs'
import { freePort } from '../../dev/ports.ts'
import { testAtEdge } from '../support/edge.ts'
import { PROJECT, run } from '../support/run_typescript.ts'

// Not the wrapper of the package, which leaves its child behind.
const [platform] = readdirSync(`${PROJECT}/node_modules/@deno`)
const DENO = `${PROJECT}/node_modules/@deno/${platform}/deno`

testAtEdge(async (env) => {
  const port = await freePort()
  const permissions = ['--no-prompt', '--allow-net', '--allow-env']
  const deno = run([DENO, 'run', ...permissions, 'src/deno_deploy.ts'], {
    ...env,
    // In place of the address on which Deno Deploy has it listen.
    DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
  })
  await deno.line(/Listening on/)
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      deno.signal('SIGTERM')
      await deno.ended
    },
  }
}, undefined)
