/** Settings of a session that change how anything prints or converts, but for the usual ones. */
export const SETTINGS: Record<string, string[]> = {
  client_encoding: ['LATIN1', 'SJIS', 'EUC_JP', 'SQL_ASCII'],
  bytea_output: ['escape'],
  DateStyle: ['German', 'SQL, DMY', 'Postgres, MDY'],
  IntervalStyle: ['sql_standard', 'iso_8601', 'postgres_verbose'],
  TimeZone: ['Asia/Kathmandu', 'America/St_Johns', 'UTC'],
  extra_float_digits: ['-15', '3'],
  lc_monetary: ['C', 'POSIX'],
  lc_numeric: ['C', 'POSIX'],
  lc_time: ['C', 'POSIX'],
  lc_messages: ['C', 'POSIX'],
  standard_conforming_strings: ['off'],
  array_nulls: ['off'],
  xmlbinary: ['hex'],
  default_transaction_isolation: ['repeatable read', 'serializable'],
  quote_all_identifiers: ['on'],
}
