import { expect, test } from 'vitest'
import { checkVersion } from '../../../db/citus/versions.ts'

const said = (version: string) =>
  Object.keys(checkVersion(`Citus ${version} on x86_64-pc-linux-gnu, compiled by gcc, 64-bit`))

test('checkVersion() refuses the releases that keep every plan, and what is too old', () => {
  for (
    const version of [
      '12.1.11',
      '12.1.12',
      '13.2.1',
      '13.2.2',
      '14.0.0',
      '14.0.1',
      '11.3.0',
      '12.0.1',
    ]
  ) {
    expect([version, ...said(version)]).toEqual([version, 'fault'])
  }
  expect(Object.keys(checkVersion('PostgreSQL 18.4'))).toEqual(['fault'])
})

test('checkVersion() takes the releases before them, and warns of those that it does not know', () => {
  for (const version of ['12.1.8', '12.1.10', '13.0.3', '13.0.5', '13.1.1', '13.2.0']) {
    expect([version, ...said(version)]).toEqual([version])
  }
  for (const version of ['12.1.13', '13.0.6', '13.2.3', '14.0.2', '14.1.0', '15.0devel']) {
    expect([version, ...said(version)]).toEqual([version, 'warning'])
  }
})
