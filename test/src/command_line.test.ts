import { expect, test } from 'vitest'
import { counted } from '../../src/command_line.ts'

test('counted() has no plural of one, and a word for none', () => {
  const counts = [0, 1, 2, '1', '20'].map((count) => counted(count, 'entry', 'entries'))
  expect(counts).toEqual(['no entries', '1 entry', '2 entries', '1 entry', '20 entries'])
  expect(counted(3, 'difference')).toBe('3 differences')
})
