/** Parts of requests as clients, proxies and attackers make them. */
import { Buffer } from 'node:buffer'

export const HOSTILE_SEGMENTS = [
  ['', '0', '-1', '1.0', '01', '1e3', '0x1', '9007199254740991', '9007199254740992'],
  [
    '9'.repeat(30),
    '1'.repeat(3_000),
    '%31',
    '%00',
    '1%00',
    '1%2F2',
    '%2e%2e',
    '..',
    '.',
    '1;a=b',
  ],
  [
    '%',
    '%zz',
    '%ff',
    '%c0%af',
    '१',
    '１',
    'null',
    'NaN',
    "1'--",
    '1 or 1=1',
    '*',
    ':id',
    '{id}',
  ],
  ['1%0d%0aX-A:%201', '1?', '1#', '%252e', '😀', '__proto__', 'constructor', '\u202e1'],
].flat()
export const HOSTILE_QUERIES = [
  ['', '&&', '=', '?', '%', '%ff', '%zz', '+', 'a', 'a=b', 'a[b]=c', '__proto__=1', 'limit'],
  ['limit=', 'limit=0', 'limit=1001', 'limit=1&limit=2', 'limit[]=1', 'limit=1e1', 'limit=%00'],
  ['before=0', 'before=x', 'at=now', 'at=infinity', 'at=2026-02-30T00:00:00Z', 'at='],
  ['at=0000-01-01T00:00:00Z', 'at=2026-01-01T24:00:00Z', 'from=2&to=1', 'at=1%20or%201=1'],
  'from=9999-12-31T23:59:59Z',
  'x='.repeat(1_000),
  `limit=${'1'.repeat(5_000)}`,
].flat()

export const MEDIA_TYPES = [
  ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''],
  [
    'application/jsonx',
    'json',
    '*/*',
    'application/json, text/plain',
    'application/xml',
    '\xe9',
  ],
].flat()

/** What clients, proxies and attackers add; nothing of it may matter, but for Accept and caches. */
export const EXTRA_HEADERS: [string, string[]][] = [
  ['Accept', [
    'text/csv',
    'application/x-ndjson',
    'text/html',
    '*/*;q=0',
    'text/csv;q=x',
    ',',
    '\xe9',
  ]],
  ['Accept-Encoding', ['gzip, br', 'identity;q=0, *;q=0', 'x'.repeat(1_000)]],
  ['Cache-Control', ['no-cache', 'max-age=0', 'only-if-cached', '"']],
  ['Content-Encoding', ['gzip', 'identity']],
  ['Connection', ['keep-alive', 'close', 'Content-Length', 'X-A, Idempotency-Key', 'Upgrade']],
  ['Cookie', ['a=b; c', '__proto__=1']],
  ['Expect', ['100-continue']],
  ['Forwarded', ['for=127.0.0.1;host=x', 'for="[::1"']],
  ['If-Match', ['*', '"x"']],
  ['If-None-Match', ['*', '"x"']],
  ['Origin', ['null', 'https://elsewhere']],
  ['Prefer', ['respond-async']],
  ['Range', ['bytes=0-1', 'bytes=-1', 'bytes=9-1,2-3']],
  ['traceparent', ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-0-0-0', 'x']],
  ['X-Forwarded-For', ['127.0.0.1', "' or 1=1", 'x'.repeat(1_000)]],
  ['X-HTTP-Method-Override', ['DELETE', 'POST']],
  ['X-Original-URL', ['/users/1/credit']],
  ['X-Request-Id', ['1', 'a'.repeat(1_000), '\xe9']],
  ['__proto__', ['1']],
]

export const HOSTILE_BODIES = [
  ['', ' ', 'null', '[]', '""', '0', '{', '}', '[[', '{}{}', '{"amount":1}//', "{'amount':1}"],
  ['{amount:1}', '\ufeff{"amount":1}', '{"amount":1,}', '{"amount":NaN}', 'amount=1', '<a/>'],
  [' '.repeat(70_000), '['.repeat(60_000), '{"a":'.repeat(10_000), '-'.repeat(1_000), '\0'],
].flat().map((body) => Buffer.from(body))

export const HOSTILE_PATHS = [
  ['/', '//', '/users/', '/users//debit', '/users/1/', '/users/1/debit/', '/users/1//debit'],
  ['//users/1', '/Users/1', '/users/1/DEBIT', '/users/1/history/1/reverse/', '/users/1/debit;x'],
  ['/users/1%2Fdebit', '/%75sers/1', '/users/1/debit%00', '/users/1/debit%2f', '/users/*'],
  ['/.env', '/.git/config', '/admin', '/metrics/', '/metrics/x', '/livez/..', '/users/../livez'],
  ['/x/../users/1', '/./users/1', '/users/./1', '/%2e%2e/users/1', '/..;/users/1', '/debits/1'],
  [
    '/transfers/1',
    '/openapi.json/',
    '/docs/../docs',
    '/docs.html',
    '/__proto__',
    '/constructor',
  ],
  `/${'x'.repeat(5_000)}`,
  `/users/${'1/'.repeat(1_000)}`,
].flat()
