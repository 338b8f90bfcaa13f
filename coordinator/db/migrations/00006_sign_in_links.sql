-- +goose Up
CREATE TABLE sign_in_links (
    user_id  TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, -- one at a time
    hash     TEXT    NOT NULL UNIQUE,
    password BOOLEAN NOT NULL, -- its bearer chooses a new one
    created  BIGINT  NOT NULL,
    expires  BIGINT  NOT NULL
);

-- +goose Down
DROP TABLE sign_in_links;
