create or replace function ledger.expires_after(at timestamptz, seconds numeric)
  returns timestamptz
  language sql stable parallel safe as $$
  select coalesce(at + make_interval(secs => seconds::double precision), 'infinity')
$$;

comment on function ledger.expires_after is
  'When something that is placed at a moment expires; infinity if never (seconds null).';

revoke all on function ledger.expires_after from public;
