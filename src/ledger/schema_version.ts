/**
 * The newest migration that this code was written against: the digits of its file's name.
 * `npm run db:new` writes this file.
 */
export const SCHEMA_VERSION = '20261128055152'
