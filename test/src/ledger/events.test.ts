import { expect, test } from 'vitest'
import { BEGINNING } from '../../../src/ledger/event_cursor.ts'
import { createEvents } from '../../../src/ledger/events.ts'

test('after refuse() events are not_supported, whatever was known of the history', async () => {
  const events = createEvents({ getEvents: () => Promise.reject(new Error('asked for events')) })
  events.settled({ epoch: 'e', incarnation: 'i', position: 5, lastPosition: 5 })
  expect(events.last()).toMatchObject({ through: 5 })
  events.refuse()
  const refused = expect.objectContaining({ code: 'not_supported' })
  expect(() => events.last()).toThrow(refused)
  await expect(events.read(BEGINNING, {}, 1)).rejects.toEqual(refused)
})
