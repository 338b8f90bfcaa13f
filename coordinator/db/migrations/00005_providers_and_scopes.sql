-- +goose Up
ALTER TABLE sessions ADD COLUMN provider TEXT NOT NULL DEFAULT ''; -- that vouched for the user; empty: a password here
CREATE INDEX sessions_by_provider ON sessions (provider);
-- Tokens made before there were scopes go on as they were.
ALTER TABLE personal_tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT 'images admin';

-- +goose Down
ALTER TABLE personal_tokens DROP COLUMN scopes;
DROP INDEX sessions_by_provider;
ALTER TABLE sessions DROP COLUMN provider;
