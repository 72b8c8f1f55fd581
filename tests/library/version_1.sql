-- A library as version 1 made it. Never changes.
PRAGMA application_id = 1298496122;
PRAGMA journal_mode = wal;
CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    listed_ns INTEGER            -- the folder's own time when all its pictures were known
);
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    folder_id INTEGER NOT NULL REFERENCES folders,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created TEXT NOT NULL,       -- UTC, ISO 8601
    prompt TEXT NOT NULL,
    negative_prompt TEXT NOT NULL,
    seed INTEGER,
    model TEXT,
    width INTEGER,
    height INTEGER,
    starred INTEGER NOT NULL DEFAULT 0,
    UNIQUE (folder_id, name)
);
CREATE INDEX pictures_by_time ON pictures (created, id);
CREATE TABLE recipes (
    picture_id INTEGER PRIMARY KEY REFERENCES pictures ON DELETE CASCADE,
    record TEXT NOT NULL         -- as JSON; beside the pictures, so that listing them reads little
);
CREATE VIRTUAL TABLE picture_words USING fts5 (
    prompt, negative_prompt, model, name, content='pictures', content_rowid='id',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE TRIGGER picture_added AFTER INSERT ON pictures BEGIN
    INSERT INTO picture_words (rowid, prompt, negative_prompt, model, name)
    VALUES (new.id, new.prompt, new.negative_prompt, new.model, new.name);
END;
CREATE TRIGGER picture_removed AFTER DELETE ON pictures BEGIN
    INSERT INTO picture_words (picture_words, rowid, prompt, negative_prompt, model, name)
    VALUES ('delete', old.id, old.prompt, old.negative_prompt, old.model, old.name);
END;
CREATE TRIGGER picture_changed AFTER UPDATE OF prompt, negative_prompt, model, name ON pictures BEGIN
    INSERT INTO picture_words (picture_words, rowid, prompt, negative_prompt, model, name)
    VALUES ('delete', old.id, old.prompt, old.negative_prompt, old.model, old.name);
    INSERT INTO picture_words (rowid, prompt, negative_prompt, model, name)
    VALUES (new.id, new.prompt, new.negative_prompt, new.model, new.name);
END;
INSERT INTO folders VALUES (1, '{pictures}', NULL);
INSERT INTO pictures VALUES (
    1, 1, 'a.png', 'abababababababababababababababababababababababababababababababab', 100, '2026-11-01T00:00:00+00:00', 'a panda', '', 1, 'starter', 512, 512, 0
);
INSERT INTO recipes VALUES (1, '{"format": 1, "prompt": "a panda", "seed": 1}');
PRAGMA user_version = 1;
