/** The HTML of the page at /docs. */
import { html } from 'hono/html'
import { PROBLEMS } from '../../core/errors.ts'

/**
 * The page at /docs. Swagger UI adds the operations in the browser, from the OpenAPI document. The
 * table of errors is in the page itself, because the `type` of each problem links to its row.
 */
export const docsPage = (publicPath: string) =>
  html`
    <!doctype html>
    <html lang="en" data-base="${publicPath}">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Ledger</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="${publicPath}/docs/swagger-ui.css">
        <link rel="stylesheet" href="${publicPath}/docs/docs.css">
        <script src="${publicPath}/docs/swagger-ui-bundle.js" defer></script>
        <script src="${publicPath}/docs/docs.js" type="module"></script>
      </head>
      <body>
        <header><a href="#errors">Errors</a> <a href="${publicPath}/openapi.json">openapi.json</a>
    <button id="theme" type="button">Dark or light</button></header>
        <div id="operations"><noscript><main>Operations need JavaScript; openapi.json has them, too.
    </main></noscript></div>
        <main>
          <h2 id="errors">Errors</h2>
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
        </main>
      </body>
    </html>
  `
