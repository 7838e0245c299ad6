/** The metrics in the format of OpenMetrics, which has exemplars. */
import { type Counter, type OpenMetricsContentType, Registry } from 'prom-client'

const TYPE = 'application/openmetrics-text'

/** Whether a scraper prefers OpenMetrics to Prometheus text, by its Accept. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  const weights = (accept ?? '').split(',').map((range) => {
    const [type, ...parameters] = range.trim().toLowerCase().split(';').map((one) => one.trim())
    const weight = parameters.find((one) => one.startsWith('q='))
    return { type, q: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }
  })
  const best = (types: string[]) =>
    Math.max(0, ...weights.filter(({ type }) => types.includes(type!)).map(({ q }) => q))
  return best([TYPE]) > best(['text/plain'])
}

/** A registry that is exposed as OpenMetrics. */
export function createOpenRegistry(): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  return registry
}

/**
 * prom-client writes this for a whole registry, and then takes `_total` from the names of its
 * counters for good. So what it writes is a registry made for this one time, of the same metrics.
 */
export async function exposeOpenMetrics(
  registry: Registry,
): Promise<{ body: string; contentType: string }> {
  const open = createOpenRegistry()
  for (const metric of registry.getMetricsAsArray()) {
    const name = String(metric.type) === 'counter'
      ? metric.name.replace(/_total$/, '')
      : metric.name
    const source = metric as unknown as Counter & { getForPromString?: () => Promise<object> }
    const get = async () => ({ ...await (source.getForPromString?.() ?? source.get()), name })
    open.registerMetric({ ...metric, name, get, getForPromString: get } as unknown as Counter)
  }
  return { body: await open.metrics(), contentType: open.contentType }
}
