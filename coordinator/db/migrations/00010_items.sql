-- Access that is set image by image and comes before the rules.

-- +goose Up
CREATE TABLE item_settings (
    id       BIGINT NOT NULL PRIMARY KEY,
    hash     TEXT   NOT NULL UNIQUE, -- SHA-256 of the document, which may be too long for an index
    document TEXT   NOT NULL         -- canonical
);

CREATE TABLE items (
    image      TEXT   NOT NULL PRIMARY KEY,
    setting_id BIGINT REFERENCES item_settings (id), -- NULL: it was removed, which edges may not have heard yet
    revision   BIGINT NOT NULL
);
CREATE INDEX items_by_revision ON items (revision, image);
CREATE INDEX items_by_setting ON items (setting_id);

-- +goose Down
DROP TABLE items;
DROP TABLE item_settings;
