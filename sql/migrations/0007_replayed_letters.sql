-- Up Migration

-- Of an operation that a dead letter was replayed as: the letter, whose id its job result answers. `source_ref` names the
-- entry that was put aside, which has its answer already.
alter table rtmanager.operation_log add column letter_id text;

-- Down Migration

alter table rtmanager.operation_log drop column letter_id;
