/** The network between the service and PostgreSQL is late, narrow, silent, or gone. */
import { pause } from './pause.ts'
import type { Scenario } from './scenarios.ts'

/** Longer than any deadline of a query. */
const SILENCE_MS = 4_500
const CUTTING_MS = 600

export const NETWORK_FAULTS: Scenario[] = [
  {
    name: 'a network that stops delivering',
    rounds: 2,
    loses: true,
    async strike({ proxy, burst }, round) {
      await burst(async () => {
        proxy.weather({ kind: 'silence' })
        await pause(SILENCE_MS)
      })
      // What was on its way is lost, or arrives after all, long after its sender gave up.
      if (round % 2 === 0) proxy.cutAll()
      proxy.weather({ kind: 'fair' })
    },
    evidence: ({ proxy }) => Promise.resolve({ 'pieces held up': proxy.counts.silence }),
  },
  {
    name: 'a network that cuts after the commit, or before the request arrives',
    rounds: 4,
    loses: true,
    async strike({ proxy, burst }, round) {
      proxy.weather({ kind: round % 2 === 0 ? 'cut answers' : 'cut requests' })
      await burst(() => pause(CUTTING_MS))
      proxy.weather({ kind: 'fair' })
    },
    evidence: ({ proxy }) =>
      Promise.resolve({
        'answers cut': proxy.counts['cut answers'],
        'requests cut': proxy.counts['cut requests'],
      }),
  },
  {
    name: 'a network that adds latency',
    rounds: 2,
    async strike({ proxy }) {
      proxy.weather({ kind: 'late', delay_ms: 200 })
      await pause(2_500)
      proxy.weather({ kind: 'fair' })
    },
    evidence: ({ proxy }) => Promise.resolve({ 'pieces that were late': proxy.counts.late }),
  },
  {
    name: 'a network that trickles',
    rounds: 2,
    async strike({ proxy }) {
      proxy.weather({ kind: 'trickle', part_bytes: 256, pause_ms: 10 })
      await pause(2_500)
      proxy.weather({ kind: 'fair' })
    },
    evidence: ({ proxy }) => Promise.resolve({ 'pieces that trickled': proxy.counts.trickle }),
  },
]
