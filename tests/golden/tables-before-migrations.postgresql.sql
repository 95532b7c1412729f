-- log
CREATE TABLE claims ( scope TEXT COLLATE "C" NOT NULL, value TEXT COLLATE "C" NOT NULL, stream TEXT COLLATE "C" NOT NULL, PRIMARY KEY (scope, value) );
CREATE TABLE commands ( command_id TEXT COLLATE "C" NOT NULL, fingerprint BYTEA NOT NULL, stream TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL, position BIGINT NOT NULL, events BIGINT NOT NULL, accepted_at BIGINT NOT NULL, actor_id TEXT COLLATE "C", PRIMARY KEY (command_id) );
CREATE TABLE consumers ( process TEXT COLLATE "C" NOT NULL, layout TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, silent_until BIGINT NOT NULL, silent_before BIGINT NOT NULL, PRIMARY KEY (process) );
CREATE TABLE event_types ( type TEXT COLLATE "C" NOT NULL, schema BIGINT NOT NULL, PRIMARY KEY (type, schema) );
CREATE TABLE events ( position BIGINT NOT NULL, stream TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL, type TEXT COLLATE "C" NOT NULL, schema BIGINT NOT NULL, data TEXT COLLATE "C" NOT NULL, recorded_at BIGINT NOT NULL, command_id TEXT COLLATE "C" NOT NULL, correlation_id TEXT COLLATE "C" NOT NULL, causation_id TEXT COLLATE "C", actor_id TEXT COLLATE "C", trace TEXT COLLATE "C", PRIMARY KEY (position), UNIQUE (stream, version) );
CREATE TABLE instances ( process TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, correlation_id TEXT COLLATE "C" NOT NULL, state BYTEA NOT NULL, due_at BIGINT, PRIMARY KEY (process, key) );
CREATE TABLE meta ( name TEXT COLLATE "C" NOT NULL, value TEXT COLLATE "C" NOT NULL, PRIMARY KEY (name) );
CREATE TABLE parked ( process TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, key TEXT COLLATE "C" NOT NULL, parked_at BIGINT NOT NULL, asks TEXT COLLATE "C" NOT NULL, attempts BIGINT NOT NULL, retry_at BIGINT, error TEXT COLLATE "C", is_discarded BIGINT NOT NULL, PRIMARY KEY (process, position) );
CREATE TABLE secrets ( stream TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, value TEXT COLLATE "C" NOT NULL, PRIMARY KEY (stream, name) );
CREATE TABLE snapshots ( stream TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL, layout TEXT COLLATE "C" NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (stream) );
CREATE TABLE head ( one BIGINT NOT NULL, position BIGINT NOT NULL, recorded_at BIGINT NOT NULL, PRIMARY KEY (one) );
CREATE INDEX events_correlated ON events (correlation_id, position);
CREATE INDEX instances_due ON instances (process, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX parked_by_key ON parked (process, key, position);
CREATE INDEX parked_due ON parked (process, retry_at) WHERE retry_at IS NOT NULL;
-- reads
CREATE TABLE checkpoints ( model TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL, layout TEXT COLLATE "C" NOT NULL, log_id TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, floor BIGINT NOT NULL, slot TEXT COLLATE "C" NOT NULL, passed_at BIGINT NOT NULL, PRIMARY KEY (model) );
CREATE TABLE passages ( model TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, passed_at BIGINT NOT NULL, PRIMARY KEY (model, position) );
