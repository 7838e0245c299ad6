/** The service of browsers.test.ts, and requests with any Host and Origin. */
import { request } from 'node:http'
import { onTestFinished } from 'vitest'
import { loadConfig } from '../../../../src/config/config.ts'
import { type Answer, useHttp } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import type { Service } from '../../../../src/service.ts'
import { serve } from '../../../support/service.ts'
import type { Config } from '../../../../src/config/config.ts'

export const http = useHttp()

export const NOT_LISTED = { detail: 'Pages of this origin are not in CORS_ORIGINS.' }

/** All of it, to the letter; `what` tells which of several. */
export function expectForbidden(answer: Sending, details: object, what?: string): void {
  const { status, headers, text, body } = answer
  expectProblem({ status, headers, text, body }, 'forbidden', details, {}, what)
}

export type Headers = Record<string, string>

/** With all of its header fields. */
type Sending = Answer & { all: Headers }

interface Sent {
  method: string
  path: string
  headers?: Headers
  body?: string
}

/** fetch would set Host and Origin itself. */
export function send(url: string, { method, path, headers = {}, body }: Sent) {
  return new Promise<Sending>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    request({ hostname, port, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => text += part)
      response.on('end', () => {
        const all = response.headers as Headers
        const type = all['content-type']
        const challenge = all['www-authenticate']
        resolve({
          status: response.statusCode!,
          headers: {
            ...(type !== undefined && { 'content-type': type }),
            ...(challenge !== undefined && { 'www-authenticate': challenge }),
          },
          text,
          body: text === '' ? '' : JSON.parse(text),
          all,
        })
      })
    }).on('error', reject).end(body)
  })
}

/** An instance of its own on the same database. */
export async function startInstance(config: Partial<Config>): Promise<Service> {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: http.service.database.serviceUrl,
    ...config,
  })
  onTestFinished(() => service.stop())
  return service
}
export const start = async (config: Partial<Config>) => (await startInstance(config)).url
