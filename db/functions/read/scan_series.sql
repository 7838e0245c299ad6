create or replace function ledger.scan_series(
  afters bigint[], untils bigint[], user_ids bigint[], types text[], max_rows integer,
  max_scanned integer)
  returns table (n integer, positions bigint[], through bigint, has_unread boolean)
  language plpgsql stable as $$
declare
  v_limit integer := case when scan_series.user_ids is null and scan_series.types is null
    then scan_series.max_rows else scan_series.max_scanned end;
  v_row record;
  v_scanned integer;
begin
  for i in 1 .. cardinality(scan_series.afters) loop
    n := i;
    positions := '{}';
    through := greatest(scan_series.afters[i], scan_series.untils[i]);
    has_unread := exists (
      select from ledger.scan_events(scan_series.afters[i],
        (((scan_series.afters[i] >> 48) + 1) << 48) - 1, 1));
    v_scanned := 0;
    for v_row in
      select x.* from ledger.scan_events(scan_series.afters[i],
        case when has_unread then scan_series.untils[i] end, v_limit) x
    loop
      v_scanned := v_scanned + 1;
      if (v_row.type is null or v_row.type <> all (scan_series.types)
          or v_row.user_id <> all (scan_series.user_ids)) is not true then
        positions := array_append(positions, v_row.position);
      end if;
      if v_scanned = v_limit or cardinality(positions) = scan_series.max_rows then
        through := v_row.position;
        exit;
      end if;
    end loop;
    return next;
  end loop;
end $$;

comment on function ledger.scan_series is
  'For each series of a distributed ledger, of which a reader has read up to afters, and untils is settled: the positions of at most max_rows events of these users and types (null: all) between, how far it looked (through), at max_scanned rows at most with a condition, and whether there is anything behind afters, settled or not (has_unread).';

revoke all on function ledger.scan_series from public;
