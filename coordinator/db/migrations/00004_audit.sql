-- The record of what was done to people and rights. Each entry's hash covers all
-- before it; nothing ever updates one, and only retention deletes, from the beginning.

-- +goose Up
CREATE TABLE audit (
    seq     BIGINT NOT NULL PRIMARY KEY, -- from 1, without gaps
    at      BIGINT NOT NULL,
    event   TEXT   NOT NULL,
    actor   TEXT   NOT NULL,
    target  TEXT   NOT NULL,
    addr    TEXT   NOT NULL,
    request TEXT   NOT NULL,
    details TEXT   NOT NULL,             -- JSON, exactly as it was hashed
    prev    TEXT   NOT NULL,
    hash    TEXT   NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_event ON audit (event, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_target ON audit (target, seq);

-- What the last entry is, so that entries missing at the end are noticed too.
CREATE TABLE audit_head (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT  NOT NULL,
    hash TEXT    NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit;
