create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null')),
      hint = 'Make the user first: select * from create_user(…).';
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than is left.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what is left of a hold to capture it, or of an entry to reverse it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id),
      hint = 'user_controls says who froze the user, and why.';
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGEXP' then raise exception using errcode = 'LGEXP', message = 'not a later expiry',
      detail = 'The hold expires then, or later, already.',
      hint = 'active_holds has when holds expire; null never does.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGMAX' then raise exception using errcode = 'LGMAX', message = 'too many holds',
      detail = format('User %s has 10000 active holds.', raise_status.user_id),
      hint = 'Release those that nobody needs, or let holds expire: see expires_in.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'Nothing is left of the entry to reverse.',
      hint = 'reversed_by in entries names the last reversal, which can be reversed itself.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.',
      hint = 'Give another user as to_user_id.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry, reference or reason',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters, a reason 1 to 1000 characters.',
      hint = 'Give it in this form, or leave it out.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.',
      hint = 'Repeat it. pg_blocking_pids and pg_stat_activity say whom it waits for.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
