-- migrate:up

-- History only grows, so by default it would be vacuumed each time a fifth of it was new, ever more
-- rarely and ever longer. Every 1 % instead: index-only scans know of the new pages, and rows that
-- never change again are frozen in passing rather than all at once when transaction ids run out.
alter table payment_history set (
  autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 10000,
  autovacuum_freeze_min_age = 1000000);

-- Sealing leaves dead entries in the index of pending rows, and a bulk load many of them.
alter table payment_history set (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);

-- Updated by every debit, mostly within the page; what is left over is little work if done often.
alter table users set (
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000);
alter table holds set (
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000);

-- migrate:down

alter table holds reset (
  autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
  autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
alter table users reset (
  autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
  autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
alter table payment_history reset (
  autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
  autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,
  autovacuum_analyze_scale_factor, autovacuum_analyze_threshold, autovacuum_freeze_min_age);
