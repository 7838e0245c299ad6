import { expect, test } from 'vitest'
import { createLoopLag } from '../../../src/telemetry/loop_lag.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

const NOTHING = { last: 0, min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 }

test('summary() is 0 while there are no samples', () => {
  expect(createLoopLag().summary()).toEqual(NOTHING)
})

test('summary() takes nothing away: the second reader sees what the first saw', () => {
  const lag = createLoopLag()
  for (const late_ms of [1, 3, 500, -1]) lag.record(late_ms)
  const summary = {
    last: 0,
    min: 0,
    max: 0.5,
    mean: 0.126,
    stddev: expect.closeTo(0.21593, 5),
    p50: 0.001,
    p90: 0.5,
    p99: 0.5,
  }
  expect([lag.summary(), lag.summary()]).toEqual([summary, summary])
})

test('summary() shows a peak for 3000 samples and then forgets it', () => {
  const lag = createLoopLag()
  lag.record(500)
  for (let n = 1; n < 3000; n++) lag.record(2)
  expect(lag.summary().max).toBe(0.5)
  lag.record(2)
  expect(lag.summary()).toMatchObject({ min: 0.002, max: 0.002, p50: 0.002, p99: 0.002 })
})

test('no scrape has a number that is none, however soon it comes after another', async () => {
  const metrics = createMetrics()
  for (let n = 0; n < 3; n++) {
    const { body } = await metrics.expose()
    const lags = [...body.matchAll(/^nodejs_eventloop_lag\w* (\S+)$/gm)].map(([, value]) => value)
    expect(lags).toHaveLength(8)
    expect(lags.filter((value) => !(Number(value) >= 0 && Number(value) < 1000))).toEqual([])
    expect(body).not.toMatch(/^[^#].* ([+-]?Inf|Nan|9223372036.*)$/mi)
  }
})

test('a loop that was blocked is late, on either runtime', async () => {
  const metrics = createMetrics()
  const maxOf = async () =>
    Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec((await metrics.expose()).body)![1])
  const end_ms = performance.now() + 200
  while (performance.now() < end_ms);
  await expect.poll(maxOf).toBeGreaterThan(0.1)
  expect(await maxOf()).toBeGreaterThan(0.1)
})
