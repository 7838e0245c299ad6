/** Lengths, codings and chunks of bodies that are hardly HTTP. */
import fc from 'fast-check'
import { BODY, chunks, creditWith, REFUSED, type Row, SERVED, smuggled } from './hardly_http.ts'

const anyCase = (text: string) =>
  fc.constantFrom(text, text.toLowerCase(), text.toUpperCase(), text.replace(/-./, (c) => c))

export const LENGTHS: Record<string, Row> = {
  'Content-Length and Transfer-Encoding': {
    ...REFUSED,
    make: (world) =>
      creditWith(
        (_, body) =>
          ['chunked', 'Chunked', 'identity'].flatMap((coding) => [
            `Content-Length: ${body.length}\r\nTransfer-Encoding: ${coding}`,
            `Transfer-Encoding: ${coding}\r\nContent-Length: 4`,
            `transfer-encoding:${coding}\r\ncontent-length:0`,
          ]),
        () => [`0\r\n\r\n${smuggled(world)}`, chunks(smuggled(world)), chunks(BODY)],
      )(world),
  },
  'two Content-Length that differ': {
    ...REFUSED,
    make: creditWith(
      (_, body) => [
        `Content-Length: 12\r\nContent-Length: ${body.length}`,
        `Content-Length: ${body.length}\r\nX-A: b\r\ncontent-length: 12`,
        `Content-Length: 0\r\nContent-Length: ${body.length}`,
      ],
      (world) => [BODY + smuggled(world)],
    ),
  },
  'the same Content-Length twice': {
    verdicts: ['problem'],
    why: 'RFC 9112 lets a server take them as one',
    make: creditWith(() => ['Content-Length: 12\r\nContent-Length: 12']),
  },
  'Content-Length that is no number': {
    ...REFUSED,
    make: creditWith(
      () =>
        ['12, 12', '12,0', '+12', '-12', '0x0c', '1e1', '12.0', '1 2', '', 'x', '"12"', '12;']
          .concat(['99999999999999999999', '18446744073709551628', '\xb2'])
          .map((length) => `Content-Length: ${length}`),
      (world) => [BODY, BODY + smuggled(world)],
    ),
  },
  'Transfer-Encoding that is not chunked in the end': {
    ...REFUSED,
    make: creditWith(
      () =>
        [
          'gzip',
          'identity',
          'xchunked',
          'chunkedx',
          'chunked, identity',
          'chunked, gzip',
          '"chunked"',
        ]
          .concat(['chunked;q=1', '\x0bchunked', 'chunked\x00'])
          .map((coding) => `Transfer-Encoding: ${coding}`)
          .concat('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
      (world) => [chunks(BODY), `0\r\n\r\n${smuggled(world)}`],
    ),
  },
  'an empty Transfer-Encoding': {
    verdicts: ['served'],
    why: 'it is taken for none at all, so nothing follows but what is no HTTP',
    make: creditWith(() => ['Transfer-Encoding: '], () => [chunks(BODY)]),
  },
  'chunked twice': {
    ...REFUSED,
    make: creditWith(
      () =>
        ['Transfer-Encoding: chunked, chunked'].concat(
          'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
        ),
      (world) => [chunks(BODY), `0\r\n\r\n${smuggled(world)}`],
    ),
  },
  'a coding before chunked': {
    ...SERVED,
    why: 'its bytes are taken as they are, and are no JSON then',
    make: creditWith(() => ['Transfer-Encoding: gzip, chunked'], () => [chunks('\x1f\x8b\x08')]),
  },
  'Transfer-Encoding written in other ways': {
    ...SERVED,
    why: 'these mean the same to everybody',
    make: (world) =>
      anyCase('Transfer-Encoding').chain((name) =>
        creditWith(
          () => [`${name}:chunked`, `${name}:\tchunked`, `${name}:  CHUNKED  `],
          () => [chunks(BODY)],
        )(world)
      ),
  },
  'chunk sizes that are none': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) =>
        [
          '0xc',
          '-c',
          '+c',
          'c_',
          'xyz',
          '',
          'c.0',
          '1000000000000000c',
          'ffffffffffffffffff',
          '\xb2',
        ]
          .map((size) => `${size}\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`),
    ),
  },
  'chunks that are longer or shorter than they say': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) => [
        `a\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `c\r\n${BODY}xx0\r\n\r\n${smuggled(world)}`,
        `1\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `d\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
      ],
    ),
  },
  'chunk extensions with line ends in them': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) => [
        `c;a\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `c;a="\n"\r\n${BODY}\r\n0\r\n\r\n`,
        `c;\rx\n${BODY}\r\n0\r\n\r\n`,
      ],
    ),
  },
  'chunk extensions': {
    ...SERVED,
    why: 'nobody needs them, and they may be there',
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      () => [`c;a=b\r\n${BODY}\r\n0;c="d"\r\n\r\n`, `c;a\r\n${BODY}\r\n0\r\n\r\n`],
    ),
  },
  'trailers': {
    ...SERVED,
    why: 'they are read and thrown away: a key there is none',
    make: (world) =>
      creditWith(
        () => ['Transfer-Encoding: chunked'],
        () => [`c\r\n${BODY}\r\n0\r\nX-A: b\r\nIdempotency-Key: trailing\r\n\r\n`],
      )(world).map((sent) => ({ ...sent, never: 'trailing' })),
  },
  'trailers about the length': {
    verdicts: ['problem'],
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      () => [`c\r\n${BODY}\r\n0\r\nContent-Length: 99\r\n\r\n`],
    ),
  },
}
