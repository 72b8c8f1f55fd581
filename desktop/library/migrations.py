"""The database's tables, version by version, and how an older database becomes the present one.

A version's script never changes once it was released; whatever is new is another script.
"""

from __future__ import annotations

from pathlib import Path

from desktop.library import backups
from desktop.library.problems import damaged, newer
from desktop.library.sqlite import Connection, transaction

APPLICATION_ID = 0x4D657A7A
"""Marks the file as ours: "Mezz"."""

_UNLIKELY = 1000  # such a version is damage, and not a Mezzotint of the far future

_PICTURES = """
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
"""

_PROMPTS_AND_QUEUE = """
CREATE TABLE strangers (         -- files in our folders that say nothing about how they were made
    folder_id INTEGER NOT NULL REFERENCES folders,
    name TEXT NOT NULL,
    PRIMARY KEY (folder_id, name)
) WITHOUT ROWID;
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY,
    prompt TEXT NOT NULL,
    negative_prompt TEXT NOT NULL,
    settings TEXT NOT NULL,      -- of the last use, as JSON
    uses INTEGER NOT NULL DEFAULT 1,
    first_used TEXT NOT NULL,
    last_used TEXT NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0,
    UNIQUE (prompt, negative_prompt)
);
CREATE INDEX prompts_by_time ON prompts (last_used, id);
CREATE VIRTUAL TABLE prompt_words USING fts5 (
    prompt, negative_prompt, content='prompts', content_rowid='id',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE TRIGGER prompt_added AFTER INSERT ON prompts BEGIN
    INSERT INTO prompt_words (rowid, prompt, negative_prompt)
    VALUES (new.id, new.prompt, new.negative_prompt);
END;
CREATE TRIGGER prompt_removed AFTER DELETE ON prompts BEGIN
    INSERT INTO prompt_words (prompt_words, rowid, prompt, negative_prompt)
    VALUES ('delete', old.id, old.prompt, old.negative_prompt);
END;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    position REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'failed')),
    job TEXT NOT NULL,           -- as JSON, without the picture to start from
    init_image BLOB,
    done INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    added TEXT NOT NULL
);
"""

_MARKS = """
ALTER TABLE pictures ADD COLUMN rating INTEGER NOT NULL DEFAULT 0;  -- 1 to 5; 0 is none
ALTER TABLE pictures ADD COLUMN deleted TEXT;  -- when, in UTC; the row stays, in case the file comes back
DROP INDEX pictures_by_time;
CREATE INDEX pictures_shown ON pictures (created, id) WHERE deleted IS NULL;
CREATE INDEX pictures_starred ON pictures (created, id) WHERE deleted IS NULL AND starred = 1;
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('tag', 'collection')),
    name TEXT NOT NULL COLLATE NOCASE,
    UNIQUE (kind, name)
);
CREATE TABLE labelled (
    label_id INTEGER NOT NULL REFERENCES labels ON DELETE CASCADE,
    picture_id INTEGER NOT NULL REFERENCES pictures ON DELETE CASCADE,
    PRIMARY KEY (label_id, picture_id)
) WITHOUT ROWID;
CREATE INDEX labels_of_picture ON labelled (picture_id);
"""

SCRIPTS = (_PICTURES, _PROMPTS_AND_QUEUE, _MARKS)
VERSION = len(SCRIPTS)


def create(connection: Connection, version: int = VERSION) -> None:
    """Makes the tables of this version in an empty database."""
    connection.pragma("application_id", APPLICATION_ID)
    _run(connection, 0, version)


def check_version(application_id: int, version: int, path: Path) -> None:
    """Raises LibraryNewer for a database from the future, LibraryDamaged for one that isn't ours."""
    if application_id != APPLICATION_ID or not 1 <= version < _UNLIKELY:
        raise damaged(path)
    if version > VERSION:
        raise newer(path)


def migrate(connection: Connection, path: Path) -> None:
    """Brings the database to the present version, after a backup. Raises LibraryNewer, LibraryDamaged."""
    version = _version(connection)
    check_version(int(connection.pragma("application_id")), version, path)
    if version < VERSION:
        backups.back_up(connection, path, f"version-{version}")
        _run(connection, version, VERSION)


def _run(connection: Connection, known: int, wanted: int) -> None:
    """All scripts still to be run, in one transaction: another process may have been faster."""
    with transaction(connection):
        for number in range(max(known, _version(connection)), wanted):
            connection.execute(SCRIPTS[number])
            connection.pragma("user_version", number + 1)


def _version(connection: Connection) -> int:
    return int(connection.pragma("user_version"))
