-- Up Migration

-- The moment of the row and not of its transaction: operations that are accepted together, and the inner entries of one
-- operation, would otherwise share one time, and the history would lose their order.
alter table rtmanager.operation_log alter column accepted_at set default clock_timestamp();

-- Down Migration

alter table rtmanager.operation_log alter column accepted_at set default now();
