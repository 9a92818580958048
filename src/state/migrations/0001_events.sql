-- One row: which state this is. Parquet written by `events export` and the models trained on it name it.
CREATE TABLE state (id TEXT NOT NULL);
INSERT INTO state (id) VALUES (lower(hex(randomblob(8))));

-- What happened in the shop. `seq` rises with every event and is never used twice; `at` is Unix time in milliseconds.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    customer_id TEXT,
    session_id TEXT,
    item_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    quantity DOUBLE PRECISION,
    amount DOUBLE PRECISION,
    order_id TEXT,
    channel TEXT,
    recommendation_id TEXT,
    rank BIGINT
);
CREATE INDEX events_at ON events (at);

-- What became of recommendations, added up by day, so that it outlives the events.
CREATE TABLE recommendation_counts (
    day BIGINT NOT NULL,
    version TEXT NOT NULL,
    scenario TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    events BIGINT NOT NULL,
    amount DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (day, version, scenario, source, reason, kind)
);

-- What the shop said of an item since: a column that is null was not changed.
CREATE TABLE item_changes (
    item_id TEXT NOT NULL PRIMARY KEY,
    changed_at BIGINT NOT NULL,
    available BIGINT,
    price DOUBLE PRECISION,
    title TEXT,
    category TEXT,
    brand TEXT
);
