/** One handler for each route, made of several. */
import { Hono } from 'hono'
import type { Handler, MiddlewareHandler } from 'hono'

const done = () => Promise.resolve()

/**
 * Each of them in turn, the next one when it is over. In Hono's way each would go around those after
 * it, and be kept for as long as the last one waits for the database.
 */
function inTurn(handlers: Handler[]): Handler {
  const before = handlers.slice(0, -1) as MiddlewareHandler[]
  const last = handlers.at(-1)!
  return async (c, next) => {
    for (const handler of before) {
      const response = await handler(c, done)
      if (response) return response
    }
    return await last(c, next)
  }
}

/**
 * The same app with one handler for each of its routes. Middleware that was added with `use` goes
 * around them, as before; what a route has before its handler must do nothing after `next()`.
 * `first` makes what comes before all that a route has.
 */
export function sequenced(app: Hono, first?: (handlers: Handler[]) => MiddlewareHandler): Hono {
  const routes = new Map<string, { method: string; path: string; handlers: Handler[] }>()
  const flat = new Hono()
  for (const { method, path, handler } of app.routes) {
    if (method === 'ALL') flat.use(path, handler as MiddlewareHandler)
    else {
      const route = `${method} ${path}`
      if (!routes.has(route)) routes.set(route, { method, path, handlers: [] })
      routes.get(route)!.handlers.push(handler)
    }
  }
  for (const { method, path, handlers } of routes.values()) {
    flat.on(method, path, inTurn(first ? [first(handlers), ...handlers] : handlers))
  }
  return flat
}
