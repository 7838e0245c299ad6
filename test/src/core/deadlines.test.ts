import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDeadlines, type Deadline } from '../../../src/core/deadlines.ts'
import { Problem } from '../../../src/core/errors.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Something that never ends, and how it was ended. */
function endless(sent = false) {
  const deadlines = createDeadlines({ limitMs: 1000 })
  const state: { ended?: unknown; deadline?: Deadline } = {}
  void deadlines.within((deadline) => {
    state.deadline = deadline
    deadline.isSent = sent
    return new Promise(() => {})
  }).catch((error: unknown) => state.ended = error)
  return state
}

const codeOf = (state: { ended?: unknown }) =>
  state.ended instanceof Problem ? state.ended.code : state.ended

test.each([[false, 'busy'], [true, 'outcome_unknown']] as const)(
  'sent %s: ends as %s within the limit, and is over from then on',
  async (sent, code) => {
    const state = endless(sent)
    await vi.advanceTimersByTimeAsync(900)
    expect([codeOf(state), state.deadline!.isOver]).toEqual([undefined, false])
    await vi.advanceTimersByTimeAsync(100)
    expect([codeOf(state), state.deadline!.isOver]).toEqual([code, true])
    // The timer ends with the last of them.
    await vi.advanceTimersByTimeAsync(100)
    expect(vi.getTimerCount()).toBe(0)
  },
)

test('what is released has all the time there is, and all of the limit afterwards', async () => {
  const state = endless()
  state.deadline!.release()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(state.ended).toBeUndefined()
  state.deadline!.restart()
  await vi.advanceTimersByTimeAsync(900)
  expect(state.ended).toBeUndefined()
  await vi.advanceTimersByTimeAsync(100)
  expect(codeOf(state)).toBe('busy')
  // Too late: it stays over, and nothing starts again.
  state.deadline!.restart()
  await vi.advanceTimersByTimeAsync(100)
  expect(vi.getTimerCount()).toBe(0)
})

test('one timer serves all, in the order in which they end', async () => {
  const deadlines = createDeadlines({ limitMs: 1000 })
  const ended: number[] = []
  for (let n = 0; n < 100; n++) {
    void deadlines.within(() => new Promise(() => {})).catch(() => ended.push(n))
    if (n === 49) await vi.advanceTimersByTimeAsync(500)
  }
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(500)
  expect(ended).toEqual(Array.from({ length: 50 }, (_, n) => n))
  await vi.advanceTimersByTimeAsync(500)
  expect(ended).toHaveLength(100)
})

test('what is done in time, or fails by itself, is passed on', async () => {
  const deadlines = createDeadlines({ limitMs: 1000 })
  await expect(deadlines.within(() => Promise.resolve(7))).resolves.toBe(7)
  await expect(deadlines.within(() => Promise.reject(new Error('own')))).rejects.toThrow('own')
})
