-- A database as schema 2 wrote it: schema-1.sql brought up to date, and a request to sync.
PRAGMA application_id = 1130458195;
PRAGMA user_version = 2;
BEGIN;
CREATE TABLE meta ( key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE account ( account_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE
  CHECK (name <> ''), email TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('connected',
  'reauth_required', 'disconnected')), base_url TEXT NOT NULL, auth TEXT NOT NULL, client_id TEXT,
  subject TEXT, scopes TEXT NOT NULL, read_only INTEGER NOT NULL, connected_ms INTEGER NOT NULL,
  token_expires_ms INTEGER NOT NULL, last_sync_ms INTEGER NOT NULL, last_error TEXT, not_before_ms
  INTEGER NOT NULL, list_sync_token TEXT) STRICT;
CREATE TABLE secret ( account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, field TEXT
  NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (account_id, field)) STRICT, WITHOUT ROWID;
CREATE TABLE calendar ( calendar_id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL
  REFERENCES account ON DELETE CASCADE, google_id TEXT NOT NULL, summary TEXT, time_zone TEXT NOT
  NULL, access_role TEXT, is_primary INTEGER NOT NULL, selected INTEGER NOT NULL, gone INTEGER NOT
  NULL, sync_token TEXT, last_sync_ms INTEGER NOT NULL, last_error TEXT, resource TEXT,
  pull_page_token TEXT, pull_generation INTEGER NOT NULL DEFAULT 0, pull_seen INTEGER NOT NULL
  DEFAULT 0, pull_holes INTEGER NOT NULL DEFAULT 0, pull_at_ms INTEGER NOT NULL DEFAULT 0, UNIQUE
  (account_id, google_id)) STRICT;
CREATE TABLE event ( event_row INTEGER PRIMARY KEY AUTOINCREMENT, calendar_id INTEGER NOT NULL
  REFERENCES calendar ON DELETE CASCADE, id TEXT NOT NULL, generation INTEGER NOT NULL, at_google
  INTEGER NOT NULL, hidden INTEGER NOT NULL, sync_status TEXT NOT NULL CHECK (sync_status IN
  ('local_only', 'synced', 'error')), changed_ms INTEGER NOT NULL, etag TEXT, last_error TEXT,
  cancelled INTEGER NOT NULL, all_day INTEGER NOT NULL, start_utc INTEGER, end_utc INTEGER, reach
  INTEGER NOT NULL CHECK (reach IN (0, 1, 2)), until_utc INTEGER, updated_ms INTEGER NOT NULL,
  start_time TEXT, end_time TEXT, status TEXT, recurring_event_id TEXT, ical_uid TEXT, summary TEXT,
  location TEXT, description TEXT, resource TEXT NOT NULL, base TEXT, UNIQUE (calendar_id, id))
  STRICT;
CREATE TABLE run ( run_id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL
  REFERENCES account ON DELETE CASCADE, kind TEXT NOT NULL, started_ms INTEGER NOT NULL, finished_ms
  INTEGER NOT NULL, success INTEGER NOT NULL, error TEXT, detail TEXT) STRICT;
CREATE TABLE "history" ( history_id INTEGER PRIMARY KEY AUTOINCREMENT, calendar_id INTEGER NOT
  NULL REFERENCES calendar ON DELETE CASCADE, event_id TEXT NOT NULL, op TEXT NOT NULL CHECK (op IN
  ('create', 'update', 'delete', 'kept')), origin TEXT NOT NULL CHECK (origin IN ('local', 'google',
  'merge')), at_ms INTEGER NOT NULL, command_id INTEGER, local_only INTEGER NOT NULL, resource TEXT)
  STRICT;
CREATE TABLE command ( command_id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
  undone_ms INTEGER NOT NULL, name TEXT NOT NULL) STRICT;
CREATE TABLE conflict ( conflict_id INTEGER PRIMARY KEY AUTOINCREMENT, calendar_id INTEGER NOT
  NULL REFERENCES calendar ON DELETE CASCADE, event_row INTEGER NOT NULL, event_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'decided', 'resolved')), policy TEXT NOT NULL
  CHECK (policy IN ('merge', 'newest', 'local', 'remote', 'manual')), taken TEXT CHECK (taken IN
  ('local', 'remote', 'both')), at_ms INTEGER NOT NULL, resolved_ms INTEGER NOT NULL, fields TEXT
  NOT NULL, base TEXT, local TEXT, remote TEXT) STRICT;
CREATE TABLE sync_request ( calendar_id INTEGER PRIMARY KEY REFERENCES calendar ON DELETE CASCADE,
  ticket INTEGER NOT NULL, requested_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, not_before_ms
  INTEGER NOT NULL, reason TEXT NOT NULL, last_error TEXT) STRICT;
CREATE TABLE rate ( rate_id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, at_ms INTEGER NOT NULL,
  units INTEGER NOT NULL) STRICT;
CREATE TABLE "outbox" ( outbox_id INTEGER PRIMARY KEY AUTOINCREMENT, event_row INTEGER NOT NULL
  UNIQUE REFERENCES event ON DELETE CASCADE, calendar_id INTEGER NOT NULL REFERENCES calendar ON
  DELETE CASCADE, op TEXT NOT NULL CHECK (op IN ('create', 'update', 'delete')), state TEXT NOT NULL
  CHECK (state IN ('queued', 'held', 'refused', 'conflict')), created_ms INTEGER NOT NULL, attempts
  INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, send_updates TEXT NOT NULL CHECK (send_updates
  IN ('none', 'all', 'externalOnly')), move_from INTEGER REFERENCES calendar ON DELETE SET NULL,
  last_error TEXT, late_updates TEXT, sent TEXT) STRICT;
CREATE INDEX event_by_id ON event (id);
CREATE INDEX event_by_start ON event (start_utc, id);
CREATE INDEX event_by_calendar_start ON event (calendar_id, start_utc, id);
CREATE INDEX event_by_reach ON event (calendar_id, start_utc, id) WHERE reach > 0;
CREATE INDEX event_by_generation ON event (calendar_id, at_google, generation, sync_status,
  cancelled);
CREATE INDEX event_by_series ON event (recurring_event_id, calendar_id, start_utc, id) WHERE
  recurring_event_id IS NOT NULL;
CREATE INDEX event_by_ical_uid ON event (ical_uid) WHERE ical_uid IS NOT NULL;
CREATE INDEX run_by_account ON run (account_id, run_id);
CREATE INDEX history_by_event ON history (calendar_id, event_id, history_id);
CREATE INDEX history_by_id ON history (event_id, history_id);
CREATE INDEX history_by_time ON history (at_ms);
CREATE INDEX history_by_calendar ON history (calendar_id, history_id);
CREATE INDEX history_by_moment ON history (calendar_id, at_ms);
CREATE INDEX history_by_command ON history (command_id, history_id) WHERE command_id IS NOT NULL;
CREATE INDEX conflict_by_event ON conflict (calendar_id, event_id, conflict_id);
CREATE INDEX conflict_by_row ON conflict (event_row, conflict_id);
CREATE INDEX conflict_by_id ON conflict (event_id, conflict_id);
CREATE INDEX conflict_by_state ON conflict (state, conflict_id);
CREATE INDEX rate_by_bucket ON rate (bucket, at_ms);
CREATE INDEX outbox_by_calendar ON outbox (calendar_id, state, not_before_ms);
CREATE INDEX outbox_by_move ON outbox (move_from) WHERE move_from IS NOT NULL;
CREATE VIEW "User" AS SELECT account_id AS "id", email AS "email", name AS "name", state AS
  "state", read_only AS "readOnly", strftime('%Y-%m-%dT%H:%M:%SZ', nullif(last_sync_ms, 0) / 1000,
  'unixepoch') AS "lastSyncAt", last_error AS "lastSyncError", CAST(NULL AS TEXT) AS
  "calendarWebhookChannelId", CAST(NULL AS TEXT) AS "calendarWebhookResourceId", CAST(NULL AS TEXT)
  AS "calendarWebhookExpiration" FROM account;
CREATE VIEW "CalendarEvent" AS SELECT e.id AS "id", e.summary AS "title", e.description AS
  "description", e.location AS "location", e.start_time AS "startTime", e.end_time AS "endTime",
  e.all_day AS "allDay", coalesce(e.status, 'confirmed') AS "status", e.sync_status AS "syncStatus",
  e.last_error AS "lastSyncError", CASE WHEN e.at_google = 1 THEN e.id END AS "googleEventId",
  e.recurring_event_id AS "recurringEventId", CASE WHEN e.reach = 2 THEN 1 ELSE 0 END AS "isSeries",
  e.ical_uid AS "iCalUID", o.op AS "pendingOp", c.google_id AS "calendarId", c.summary AS
  "calendar", a.name AS "account", a.account_id AS "userId", strftime('%Y-%m-%dT%H:%M:%SZ',
  nullif(e.updated_ms, 0) / 1000, 'unixepoch') AS "updatedAt" FROM event e JOIN calendar c ON
  c.calendar_id = e.calendar_id JOIN account a ON a.account_id = c.account_id LEFT JOIN outbox o ON
  o.event_row = e.event_row WHERE e.hidden = 0 AND e.cancelled = 0;
INSERT INTO account VALUES (1, 'me', 'me@example.com', 'connected', '', 'installed', 'client',
  NULL, 'scope', 0, 1, 0, 5, NULL, 0, 'list-token');
INSERT INTO calendar VALUES (1, 1, 'me@example.com', 'Me', 'Europe/Berlin', 'owner', 1, 1, 0,
  'token', 5, NULL, '{"id":"me@example.com"}', NULL, 0, 0, 0, 0);
INSERT INTO calendar VALUES (2, 1, 'team', 'Team', 'UTC', 'reader', 0, 0, 0, NULL, 0, NULL, NULL,
  NULL, 0, 0, 0, 0);
INSERT INTO event VALUES (1, 1, 'inagreement', 7, 1, 0, 'synced', 0, '"1"', NULL, 0, 0,
  1767261600, 1767265200, 0, NULL, 0, '2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z', 'confirmed',
  NULL, NULL, 'In step', NULL, NULL, '{"id":"inagreement","summary":"In step"}', NULL);
INSERT INTO event VALUES (4, 1, 'edited', 7, 1, 0, 'local_only', 9, '"2"', NULL, 0, 0, NULL, NULL,
  0, NULL, 9, NULL, NULL, 'confirmed', NULL, NULL, 'New', NULL, NULL,
  '{"id":"edited","summary":"New"}', '{"id":"edited","summary":"Old"}');
INSERT INTO run VALUES (1, 1, 'sync', 4, 5, 1, NULL, NULL);
INSERT INTO history VALUES (5, 1, 'edited', 'update', 'local', 9, NULL, 0,
  '{"id":"edited","summary":"Old"}');
INSERT INTO sync_request VALUES (1, 9, 9, 1, 0, 'retry', 'no network');
INSERT INTO outbox VALUES (3, 4, 1, 'update', 'held', 9, 2, 11, 'all', NULL, 'no network', NULL,
  NULL);
COMMIT;
