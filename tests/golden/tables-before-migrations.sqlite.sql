-- log
CREATE TABLE claims ( scope TEXT NOT NULL, value TEXT NOT NULL, stream TEXT NOT NULL, PRIMARY KEY (scope, value) ) WITHOUT ROWID;
CREATE TABLE commands ( command_id TEXT NOT NULL, fingerprint BLOB NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, events INTEGER NOT NULL, accepted_at INTEGER NOT NULL, actor_id TEXT, PRIMARY KEY (command_id) );
CREATE TABLE consumers ( process TEXT NOT NULL, layout TEXT NOT NULL, position INTEGER NOT NULL, silent_until INTEGER NOT NULL, silent_before INTEGER NOT NULL, PRIMARY KEY (process) ) WITHOUT ROWID;
CREATE TABLE event_types ( type TEXT NOT NULL, schema INTEGER NOT NULL, PRIMARY KEY (type, schema) ) WITHOUT ROWID;
CREATE TABLE events ( position INTEGER NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, schema INTEGER NOT NULL, data TEXT NOT NULL, recorded_at INTEGER NOT NULL, command_id TEXT NOT NULL, correlation_id TEXT NOT NULL, causation_id TEXT, actor_id TEXT, trace TEXT, PRIMARY KEY (position), UNIQUE (stream, version) );
CREATE TABLE instances ( process TEXT NOT NULL, "key" TEXT NOT NULL, position INTEGER NOT NULL, correlation_id TEXT NOT NULL, state BLOB NOT NULL, due_at INTEGER, PRIMARY KEY (process, "key") ) WITHOUT ROWID;
CREATE TABLE meta ( name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name) );
CREATE TABLE parked ( process TEXT NOT NULL, position INTEGER NOT NULL, "key" TEXT NOT NULL, parked_at INTEGER NOT NULL, asks TEXT NOT NULL, attempts INTEGER NOT NULL, retry_at INTEGER, error TEXT, is_discarded INTEGER NOT NULL, PRIMARY KEY (process, position) ) WITHOUT ROWID;
CREATE TABLE secrets ( stream TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (stream, name) ) WITHOUT ROWID;
CREATE TABLE snapshots ( stream TEXT NOT NULL, version INTEGER NOT NULL, layout TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (stream) );
CREATE INDEX events_correlated ON events (correlation_id, position);
CREATE INDEX instances_due ON instances (process, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX parked_by_key ON parked (process, "key", position);
CREATE INDEX parked_due ON parked (process, retry_at) WHERE retry_at IS NOT NULL;
-- reads
CREATE TABLE checkpoints ( model TEXT NOT NULL, version INTEGER NOT NULL, layout TEXT NOT NULL, log_id TEXT NOT NULL, position INTEGER NOT NULL, floor INTEGER NOT NULL, slot TEXT NOT NULL, passed_at INTEGER NOT NULL, PRIMARY KEY (model) ) WITHOUT ROWID;
CREATE TABLE passages ( model TEXT NOT NULL, position INTEGER NOT NULL, passed_at INTEGER NOT NULL, PRIMARY KEY (model, position) ) WITHOUT ROWID;
