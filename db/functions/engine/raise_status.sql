create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null'));
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than was held.',
        coalesce(raise_status.amount::text, 'null'));
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount);
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id);
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id);
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id);
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'An entry is reversed at most once.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry or reference',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
