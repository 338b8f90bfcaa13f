-- +goose Up

-- What rules refer to by name: a JSON object of collections, networks and terms.
ALTER TABLE rules ADD COLUMN definitions TEXT NOT NULL DEFAULT '{}';

-- A visit is the session of somebody who has not signed in but has accepted terms.
CREATE TABLE visits (
    id      TEXT   NOT NULL PRIMARY KEY, -- public
    hash    TEXT   NOT NULL UNIQUE,      -- of the session cookie
    network TEXT   NOT NULL,
    agent   TEXT   NOT NULL,
    created BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    expires BIGINT NOT NULL              -- absolute limit
);
CREATE INDEX visits_by_seen ON visits (seen);
CREATE INDEX visits_by_network ON visits (network, created);

CREATE TABLE visit_origins (
    visit_id TEXT   NOT NULL REFERENCES visits (id) ON DELETE CASCADE,
    origin   TEXT   NOT NULL,
    added    BIGINT NOT NULL,
    PRIMARY KEY (visit_id, origin)
);

CREATE TABLE visit_tokens (
    hash     TEXT   NOT NULL PRIMARY KEY,
    visit_id TEXT   NOT NULL REFERENCES visits (id) ON DELETE CASCADE,
    origin   TEXT   NOT NULL,
    service  TEXT   NOT NULL,
    expires  BIGINT NOT NULL
);
CREATE INDEX visit_tokens_by_visit ON visit_tokens (visit_id, origin, service);

-- Who accepted which version of which terms, and when. The subject is a user or a visit.
CREATE TABLE user_terms (
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name     TEXT   NOT NULL,
    version  TEXT   NOT NULL,
    accepted BIGINT NOT NULL,
    PRIMARY KEY (user_id, name, version)
);

CREATE TABLE visit_terms (
    visit_id TEXT   NOT NULL REFERENCES visits (id) ON DELETE CASCADE,
    name     TEXT   NOT NULL,
    version  TEXT   NOT NULL,
    accepted BIGINT NOT NULL,
    PRIMARY KEY (visit_id, name, version)
);

-- +goose Down
DROP TABLE visit_terms;
DROP TABLE user_terms;
DROP TABLE visit_tokens;
DROP TABLE visit_origins;
DROP TABLE visits;
ALTER TABLE rules DROP COLUMN definitions;
