create or replace function posted(entry payment_history, replayed boolean)
  returns posted_entry
  language sql immutable as $$
  select row((entry).user_id, (entry).seq, (entry).action, (entry).amount, (entry).balance,
    (entry).balance - (entry).held, (entry).ts, posted.replayed)::posted_entry
$$;

comment on function posted is 'An entry as people see it when they post it. Internal.';

revoke all on function posted from public;
