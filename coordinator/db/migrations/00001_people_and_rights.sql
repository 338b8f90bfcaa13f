-- Written for SQLite and PostgreSQL alike: instants are milliseconds since 1970 in
-- UTC, identifiers and hashes are text, booleans are TRUE and FALSE.

-- +goose Up
CREATE TABLE users (
    id       TEXT    NOT NULL PRIMARY KEY,
    email    TEXT    NOT NULL UNIQUE, -- lower case
    name     TEXT    NOT NULL,
    password TEXT    NOT NULL,        -- PHC string; empty: no sign-in by password
    admin    BOOLEAN NOT NULL,
    active   BOOLEAN NOT NULL,
    created  BIGINT  NOT NULL,
    updated  BIGINT  NOT NULL
);

CREATE TABLE memberships (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT NOT NULL, -- of the group
    PRIMARY KEY (user_id, name)
);
CREATE INDEX memberships_by_name ON memberships (name);

CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY, -- public
    hash       TEXT   NOT NULL UNIQUE,      -- of the session cookie
    admin_hash TEXT   UNIQUE,               -- of the administrator's cookie
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network    TEXT   NOT NULL,
    agent      TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    expires    BIGINT NOT NULL              -- absolute limit
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_seen ON sessions (seen);

CREATE TABLE session_origins (
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    origin     TEXT   NOT NULL,
    added      BIGINT NOT NULL,
    PRIMARY KEY (session_id, origin)
);

CREATE TABLE access_tokens (
    hash       TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    origin     TEXT   NOT NULL,
    service    TEXT   NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_session ON access_tokens (session_id, origin, service);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires);

CREATE TABLE personal_tokens (
    id      TEXT   NOT NULL PRIMARY KEY, -- public
    hash    TEXT   NOT NULL UNIQUE,
    user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT NOT NULL,             -- 0: never
    expires BIGINT NOT NULL
);
CREATE INDEX personal_tokens_by_user ON personal_tokens (user_id);

-- The rules are one ordered document: they are only ever read and replaced whole.
CREATE TABLE rules (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT  NOT NULL,
    document TEXT    NOT NULL
);
INSERT INTO rules (id, revision, document) VALUES (1, 0, '[]');

-- One counter for every change of rights. Updating its row first makes writers
-- queue, so that revisions become visible in ascending order.
CREATE TABLE revision (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    current BIGINT  NOT NULL,
    horizon BIGINT  NOT NULL -- changes up to here have been purged
);
INSERT INTO revision (id, current, horizon) VALUES (1, 0, 0);

CREATE TABLE changes (
    revision BIGINT NOT NULL,
    hash     TEXT   NOT NULL, -- of a credential that edges must forget
    at       BIGINT NOT NULL,
    PRIMARY KEY (revision, hash)
);
CREATE INDEX changes_by_time ON changes (at);

CREATE TABLE throttle (
    subject  TEXT   NOT NULL PRIMARY KEY, -- an account or a network
    failures BIGINT NOT NULL,
    until    BIGINT NOT NULL,             -- no attempt before
    updated  BIGINT NOT NULL
);
CREATE INDEX throttle_by_time ON throttle (updated);

-- Networks from which an account was signed in to before: strangers' failures
-- elsewhere do not slow its owner down there.
CREATE TABLE familiar_networks (
    user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network TEXT   NOT NULL,
    seen    BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX familiar_networks_by_time ON familiar_networks (seen);

-- +goose Down
DROP TABLE familiar_networks;
DROP TABLE throttle;
DROP TABLE changes;
DROP TABLE revision;
DROP TABLE rules;
DROP TABLE personal_tokens;
DROP TABLE access_tokens;
DROP TABLE session_origins;
DROP TABLE sessions;
DROP TABLE memberships;
DROP TABLE users;
