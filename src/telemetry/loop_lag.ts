/** Measures the lag of the event loop, so that reading it resets nothing. */
import { unref } from '../core/unref.ts'
import { Gauge, type Registry } from 'prom-client'

const SAMPLE_MS = 20
/** Samples of a minute, so that a scraper with that interval misses no peak. */
const MAX_SAMPLES = 3000

/** In seconds, over the last samples; all 0 while there are none. */
export interface LagSummary {
  last: number
  min: number
  max: number
  mean: number
  stddev: number
  p50: number
  p90: number
  p99: number
}

export interface LoopLag {
  /** One sample, in milliseconds. */
  record(late_ms: number): void
  summary(): LagSummary
}

/** Creates a window of samples. */
export function createLoopLag(): LoopLag {
  const samples = new Float64Array(MAX_SAMPLES)
  let count = 0

  return {
    record(late_ms) {
      samples[count++ % MAX_SAMPLES] = Math.max(0, late_ms) / 1000
    },
    summary() {
      const last = samples[(count + MAX_SAMPLES - 1) % MAX_SAMPLES]!
      const sorted = samples.slice(0, Math.min(Math.max(count, 1), MAX_SAMPLES)).sort()
      const { length } = sorted
      const mean = sorted.reduce((sum, one) => sum + one, 0) / length
      const variance = sorted.reduce((sum, one) => sum + (one - mean) ** 2, 0) / length
      const percentile = (p: number) => sorted[Math.ceil(length * p / 100) - 1]!
      return {
        last,
        min: sorted[0]!,
        max: sorted[length - 1]!,
        mean,
        stddev: Math.sqrt(variance),
        p50: percentile(50),
        p90: percentile(90),
        p99: percentile(99),
      }
    },
  }
}

const GAUGES: Record<keyof LagSummary, [name: string, help: string]> = {
  last: ['nodejs_eventloop_lag_seconds', 'Lag of the event loop, the last sample.'],
  min: ['nodejs_eventloop_lag_min_seconds', 'The least lag in the last minute.'],
  max: ['nodejs_eventloop_lag_max_seconds', 'The greatest lag in the last minute.'],
  mean: ['nodejs_eventloop_lag_mean_seconds', 'The mean of the lags in the last minute.'],
  stddev: ['nodejs_eventloop_lag_stddev_seconds', 'Their standard deviation.'],
  p50: ['nodejs_eventloop_lag_p50_seconds', 'The 50th percentile of the lags in the last minute.'],
  p90: ['nodejs_eventloop_lag_p90_seconds', 'The 90th percentile of the lags in the last minute.'],
  p99: ['nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of the lags in the last minute.'],
}

/**
 * Registers the metrics by the names that prom-client gives them. Those of prom-client begin anew
 * with every scrape, so of two scrapers each takes peaks from the other. On Deno they don't see a
 * loop that is blocked, either.
 */
export function collectLoopLag(registry: Registry): void {
  const lag = createLoopLag()
  let before_ms = performance.now()
  unref(setInterval(() => {
    const now_ms = performance.now()
    lag.record(now_ms - before_ms - SAMPLE_MS)
    before_ms = now_ms
  }, SAMPLE_MS))

  const gauges: [keyof LagSummary, Gauge][] = []
  function collect() {
    const summary = lag.summary()
    for (const [part, gauge] of gauges) gauge.set(summary[part])
  }
  for (const [part, [name, help]] of Object.entries(GAUGES)) {
    registry.removeSingleMetric(name)
    // The first gauge collects for all of them.
    const config = { name, help, registers: [registry], ...(gauges.length === 0 && { collect }) }
    gauges.push([part as keyof LagSummary, new Gauge(config)])
  }
}
