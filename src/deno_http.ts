/** Two things in which node:http of Deno 2.9 is not what it is on Node. */
import process from 'node:process'

interface Parsers {
  parsers: { max: number }
  HTTPParser: { prototype: { finish: (this: unknown) => unknown } }
}

/** @throws Error on a Deno in which these are somewhere else */
export function mendDeno(): void {
  const { parsers, HTTPParser: { prototype } } = process.getBuiltinModule(
    '_http_common',
  ) as unknown as Parsers
  // A connection that sent no HTTP goes on feeding its parser, which is back in the pool already:
  // what it sends next would be a request of the connection that gets the parser. So no pool.
  parsers.max = 0

  // The end in the middle of a request is a number here, and the server looks for an Error.
  const { finish } = prototype
  prototype.finish = function () {
    const result = finish.call(this)
    return result === -1 ? new Error('the end in the middle of a request') : result
  }
}
