-- OpenID providers: whom they speak of, what they say of them, and what is needed to
-- ask them again.

-- +goose Up
-- Who an issuer's subject is here. Nothing else identifies anybody.
CREATE TABLE identities (
    issuer   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    user_id  TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT    NOT NULL, -- name of the provider it was last seen by
    email    TEXT    NOT NULL, -- as the provider says, for people to read
    founded  BOOLEAN NOT NULL, -- the user was made for it
    admin    BOOLEAN NOT NULL, -- the user is an administrator because of it
    created  BIGINT  NOT NULL,
    seen     BIGINT  NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);

-- Groups that a provider says somebody is in, apart from those that are given here.
CREATE TABLE provider_memberships (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    name    TEXT NOT NULL, -- of the group
    PRIMARY KEY (issuer, subject, name),
    FOREIGN KEY (issuer, subject) REFERENCES identities (issuer, subject) ON DELETE CASCADE
);
CREATE INDEX provider_memberships_by_name ON provider_memberships (name);

-- What a session needs of the provider it was signed in by. Tokens are encrypted.
CREATE TABLE provider_sessions (
    session_id TEXT   NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    sid        TEXT   NOT NULL, -- the provider's name of its own session; empty: it gave none
    id_token   TEXT   NOT NULL, -- for signing out there
    refresh    TEXT   NOT NULL, -- refresh token; empty: none
    due        BIGINT NOT NULL, -- when the provider is asked again; 0: never
    confirmed  BIGINT NOT NULL  -- when it last said that the person may stay
);
CREATE INDEX provider_sessions_by_sid ON provider_sessions (issuer, sid);
CREATE INDEX provider_sessions_by_subject ON provider_sessions (issuer, subject);
CREATE INDEX provider_sessions_by_due ON provider_sessions (due);

-- Sign-ins that are with a provider at the moment.
CREATE TABLE departures (
    state    TEXT   NOT NULL PRIMARY KEY, -- hash
    browser  TEXT   NOT NULL,             -- hash of the cookie of the browser that left
    provider TEXT   NOT NULL,
    network  TEXT   NOT NULL,
    document TEXT   NOT NULL,             -- what it takes to go on, in JSON
    expires  BIGINT NOT NULL
);
CREATE INDEX departures_by_expiry ON departures (expires);
CREATE INDEX departures_by_network ON departures (network);

-- Tokens that may come once alone.
CREATE TABLE used_tokens (
    hash    TEXT   NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX used_tokens_by_expiry ON used_tokens (expires);

-- +goose Down
DROP TABLE used_tokens;
DROP TABLE departures;
DROP TABLE provider_sessions;
DROP TABLE provider_memberships;
DROP TABLE identities;
