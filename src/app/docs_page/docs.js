/** Runs in a browser: the OpenAPI document in Swagger UI, with what that doesn't have by itself. */
/* global SwaggerUIBundle, document, location, matchMedia, fetch */

const { base } = document.documentElement.dataset
const { classList } = document.documentElement

const dark = matchMedia('(prefers-color-scheme: dark)')
classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', () => classList.toggle('dark-mode', dark.matches))
document.querySelector('#theme').addEventListener('click', () => classList.toggle('dark-mode'))

/** Swagger UI looks for a text in tags and paths only. */
const SearchOperations = () => ({
  fn: {
    opsFilter(tags, text) {
      const words = text.toLowerCase().split(/\s+/)
      const isFound = (operation) => {
        const texts = ['operationId', 'summary', 'description']
          .map((name) => operation.getIn(['operation', name]))
        const all = [operation.get('method'), operation.get('path'), ...texts].join(' ')
        return words.every((word) => all.toLowerCase().includes(word))
      }
      return tags.map((tag) => tag.update('operations', (all) => all.filter(isFound)))
        .filter((tag) => tag.get('operations').size > 0)
    },
  },
})

const response = await fetch(`${base}/openapi.json`)
const spec = await response.json()

SwaggerUIBundle({
  // Where this page came from, whatever name the service has for others.
  spec: { ...spec, servers: [{ url: base || '/' }] },
  dom_id: '#operations',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  filter: true,
  // Elsewhere: nothing is sent there.
  validatorUrl: null,
  plugins: [SearchOperations],
  onComplete() {
    // A code of a problem: its place has moved down meanwhile.
    const id = decodeURIComponent(location.hash.slice(1))
    if (id && !id.startsWith('/')) document.getElementById(id)?.scrollIntoView()
  },
})
