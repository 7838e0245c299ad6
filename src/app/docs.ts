/**
 * GET /docs: the OpenAPI document as a page without scripts, style sheets or anything from
 * elsewhere.
 */
import { html, raw } from 'hono/html'
import { PROBLEMS } from '../core/errors.ts'

interface Operation {
  summary?: string
  description?: string
  security?: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[]
  requestBody?: { content?: Record<string, { schema?: object }> }
  responses?: Record<string, { description?: string }>
}

const STYLE = raw(`<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  h2 { margin-top: 2.5rem; font-size: 1.1rem } code, pre { font-size: .9em }
  pre { background: #8881; padding: .75rem; overflow: auto }
  td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0 }
</style>`)

/** Renders the page: every operation, its schemas, and every error code. */
export function docsPage(document: {
  info?: { title?: string; description?: string }
  paths?: Record<string, Record<string, unknown>>
  components?: { schemas?: Record<string, object> }
}, publicPath = '') {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation: operation as Operation,
    }))
  )
  return html`
    <!doctype html>
    <html lang="en">
      <head><meta charset="utf-8"><title>${document.info?.title}</title>${STYLE}</head>
      <body>
    <h1>${document.info?.title}</h1>
    <p>${document.info
      ?.description} The same for machines: <a href="${publicPath}/openapi.json">/openapi.json</a>.</p>
    ${operations.map(section)}
    <h2>Schemas</h2>
    ${Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
      html`<h3 id="${name}">${name}</h3>${json(schema)}`
    )}
    <h2>Errors</h2>
    <p>Every error is <code>application/problem+json</code> with one of these codes.</p>
    <table>
    ${Object.entries(PROBLEMS).map(([code, { status, title }]) =>
      html`
        <tr id="${code}">
          <td>${status}</td>
          <td><code>${code}</code></td>
          <td>${title}</td>
        </tr>
      `
    )}
    </table>
      </body>
    </html>
  `
}

function section({ name, operation }: { name: string; operation: Operation }) {
  const { summary, description, security = [], parameters = [], requestBody, responses = {} } =
    operation
  const scopes = security.flatMap(({ bearer = [] }) => bearer)
  const bodies = Object.entries(requestBody?.content ?? {})
  return html`<h2><code>${name}</code></h2>
<p><b>${summary}</b> ${description}</p>
${
    scopes.length > 0
      ? html`<p>Scope: ${scopes.map((scope) => html`<code>${scope}</code>`)}</p>`
      : ''
  }
<table>
${
    parameters.map((parameter) =>
      html`
        <tr>
          <td><code>${parameter.name}</code></td>
          <td>${parameter.in}</td>
        </tr>
      `
    )
  }
${
    Object.entries(responses).map(([status, response]) =>
      html`
        <tr>
          <td>${status}</td>
          <td>${response.description}</td>
        </tr>
      `
    )
  }
</table>
${bodies.map(([, { schema }]) => schema ? json(schema) : '')}`
}

const json = (value: object) => html`<pre>${JSON.stringify(value, null, 2)}</pre>`
