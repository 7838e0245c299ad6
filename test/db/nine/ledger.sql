-- A database as the nine migrations before the baseline left it: its tables, without functions and guards,
-- and a history that their functions made. test/db/from_nine.test.ts copies it.

create table public.users (
  id bigint,
  balance numeric(20,2),
  seq bigint,
  hold_changes bigint,
  created_at timestamp with time zone,
  updated_at timestamp with time zone
);

insert into public.users (id, balance, seq, hold_changes, created_at, updated_at) values
  ('1', '0.00', '0', '0', '2026-11-27 04:33:19.913681+00', '2026-11-27 04:33:19.913681+00'),
  ('2', '65.50', '6', '5', '2026-11-27 04:33:56.504525+00', '2026-11-27 04:33:56.641452+00'),
  ('3', '20.00', '1', '0', '2026-11-27 04:33:56.528553+00', '2026-11-27 04:33:56.5916+00'),
  ('100', '5.75', '2', '0', '2026-11-27 04:33:56.535568+00', '2026-11-27 04:33:56.653483+00');

create table public.payment_history (
  id bigint,
  user_id bigint,
  action text,
  amount numeric(12,2),
  ts timestamp with time zone,
  seq bigint,
  balance numeric(20,2),
  sealed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  held numeric(20,2),
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint,
  hash bytea
);

insert into public.payment_history (id, user_id, action, amount, ts, seq, balance, sealed_at, idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash) values
  ('1', '2', 'CREDIT', '100.00', '2026-11-27 04:33:56.569415+00', '1', '100.00', '2026-11-27 04:33:56.569415+00', 'c1', '{"order": 17}', '0.00', NULL, NULL, NULL, NULL, E'\\xb46b17201caa3cc7bad462708924dd1d42c711720f0c0be0d920f23af1d866ff'),
  ('2', '2', 'DEBIT', '10.50', '2026-11-27 04:33:56.581128+00', '2', '89.50', '2026-11-27 04:33:56.581128+00', 'd1', '{"n": "é"}', '0.00', NULL, NULL, NULL, NULL, E'\\x27033f14099fea95ad45d3e83646142edeb87f1ebc549f19a64307fa7da237ad'),
  ('3', '2', 'DEBIT', '1.00', '2026-11-27 04:33:56.585301+00', '3', '88.50', '2026-11-27 04:33:56.585301+00', NULL, NULL, '0.00', NULL, NULL, NULL, NULL, E'\\x1cec75e79e8ad6383c5b6dd4a16763fd2c02902a5ac81bab70aa024a8f9c7136'),
  ('4', '2', 'DEBIT', '20.00', '2026-11-27 04:33:56.590745+00', '4', '68.50', '2026-11-27 04:33:56.590745+00', 't1', NULL, '0.00', NULL, NULL, '3', '1', E'\\xc40cb1e175ce7e697de1fe0dadf93bd4add05142aea33ef73065f16d043b9bbc'),
  ('5', '3', 'CREDIT', '20.00', '2026-11-27 04:33:56.5916+00', '1', '20.00', '2026-11-27 04:33:56.5916+00', NULL, NULL, '0.00', NULL, NULL, '2', '4', E'\\x68ae41eb4b1bb272a9f08ad27a6e28e4cecb6375c323356c8dfea194c665cb6a'),
  ('6', '2', 'DEBIT', '4.00', '2026-11-27 04:33:56.626068+00', '5', '64.50', '2026-11-27 04:33:56.626068+00', 'cap', NULL, '12.00', '2', NULL, NULL, NULL, E'\\xa74aa002dec7fb4bfeb82823ca0d33eae062472f2ac0a179c7fce60f2b2ab945'),
  ('7', '2', 'CREDIT', '1.00', '2026-11-27 04:33:56.641452+00', '6', '65.50', '2026-11-27 04:33:56.641452+00', 'rev', NULL, '5.00', NULL, '3', NULL, NULL, E'\\xec5f4d3574fe7bdc449858edf564be731644891d9d263d1f74450a8f5132aa83'),
  ('8', '100', 'CREDIT', '7.00', '2026-11-27 04:33:56.649508+00', '1', '7.00', '2026-11-27 04:33:56.653483+00', NULL, NULL, '0.00', NULL, NULL, NULL, NULL, E'\\xcf8d97cc78a7b7f2fc00452c2a55ce6547e975eede64031010798bebbb103ef5'),
  ('9', '100', 'DEBIT', '1.25', '2026-11-27 04:33:56.649665+00', '2', '5.75', '2026-11-27 04:33:56.653483+00', NULL, NULL, '0.00', NULL, NULL, NULL, NULL, E'\\xde0e249cf5e77c997daabf9c62d3861fdf9b450eb95c9d02fbfa2bce8594b732'),
  ('10', '100', 'CREDIT', '3.00', '2026-11-27 04:33:56.660958+00', NULL, NULL, NULL, NULL, '{"by": "hand"}', NULL, NULL, NULL, NULL, NULL, NULL);

create table public.holds (
  user_id bigint,
  hold bigint,
  amount numeric(12,2),
  status text,
  available numeric(20,2),
  created_at timestamp with time zone,
  expires_at timestamp with time zone,
  closed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  release_key text,
  release_metadata jsonb,
  release_seq bigint,
  release_balance numeric(20,2),
  release_available numeric(20,2),
  hash bytea
);

insert into public.holds (user_id, hold, amount, status, available, created_at, expires_at, closed_at, idempotency_key, metadata, release_key, release_metadata, release_seq, release_balance, release_available, hash) values
  ('2', '1', '5.00', 'active', '63.50', '2026-11-27 04:33:56.599302+00', '2026-11-27 05:33:56.599302+00', NULL, 'h1', NULL, NULL, NULL, NULL, NULL, NULL, E'\\x44230130fc86d5c6518209894ac435dd4ea49432de11c41339eae34e4caf3273'),
  ('2', '2', '6.00', 'captured', '57.50', '2026-11-27 04:33:56.609262+00', 'infinity', '2026-11-27 04:33:56.620257+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, E'\\x2bd346858277c1652c639907b59bcd40567de0d3efb09c5c1984efdb7a51f283'),
  ('2', '3', '7.00', 'released', '50.50', '2026-11-27 04:33:56.614341+00', '2026-11-27 04:34:56.614341+00', '2026-11-27 04:33:56.633785+00', 'h3', NULL, 'rel', NULL, '5', '64.50', '59.50', E'\\x802a28536bd0f1be0635a10ae007f081e8403f697e48960e29c16fb70308e217');

create table public.interventions (
  id bigint,
  at timestamp with time zone,
  transaction xid8,
  role text,
  operation text,
  reason text,
  user_id bigint,
  seq bigint,
  before jsonb
);

insert into public.interventions (id, at, transaction, role, operation, reason, user_id, seq, before) values
  ('1', '2026-11-27 04:33:56.664863+00', '1248634', 'postgres', 'BREAK GLASS', 'for the test of moving', NULL, NULL, NULL);

create table public.schema_migrations (
  version character varying(128)
);

insert into public.schema_migrations (version) values
  ('20261123000000'),
  ('20261123010000'),
  ('20261123050000'),
  ('20261123060000'),
  ('20261123061000'),
  ('20261123070000'),
  ('20261123080000'),
  ('20261123090000'),
  ('20261123154628');
