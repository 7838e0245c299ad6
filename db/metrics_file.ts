/** Metrics of a command, for the textfile collector of the node exporter. */
import { renameSync, writeFileSync } from 'node:fs'
import { Gauge, Registry } from 'prom-client'

/** Name, what it is, value. */
export type Sample = [name: string, help: string, value: number]

/**
 * Writes them in the format of Prometheus, at once or not at all: a scrape may come in the middle.
 * @throws Error with one line if the file can't be written
 */
export async function writeMetricsFile(file: string, samples: Sample[]): Promise<void> {
  const registry = new Registry()
  for (const [name, help, value] of samples) {
    new Gauge({ name, help, registers: [registry] }).set(value)
  }
  const text = await registry.metrics()
  try {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  } catch (error) {
    throw new Error(`--metrics: ${(error as Error).message}`, { cause: error })
  }
}

/** The clock, in seconds since 1970. */
export const nowSeconds = (): number => Date.now() / 1000
