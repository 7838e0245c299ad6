/** Each of the fixes of src/server/deno_http.ts goes once the Deno of the project has it. */
import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PROJECT } from '../../support/run_typescript.ts'
import { onDeno } from '../../support/service.ts'

test.skipIf(!onDeno)('node:http of this Deno still needs to be mended', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'run',
    '--allow-net=127.0.0.1',
    'test/src/server/deno_alone.ts',
  ], { cwd: PROJECT })
  expect(JSON.parse(stdout)).toEqual({
    requestOfAnother: true,
    cutRequestIsNoError: true,
    entryLeavesWithItsRequest: true,
  })
})
