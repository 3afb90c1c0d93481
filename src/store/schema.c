#include "store/schema.h"

#include "base/banned.h"

/*
 * Events as other programs see them: what `event list --no-expand` lists. Times are RFC 3339 in
 * UTC; of an all-day event the dates, endTime being the day after. id is unique within (account,
 * calendarId).
 */
#define VIEW_CALENDAR_EVENT                                                            \
	"CREATE VIEW \"CalendarEvent\" AS SELECT"                                      \
	" e.id AS \"id\","                                                             \
	" e.summary AS \"title\","                                                     \
	" e.description AS \"description\","                                           \
	" e.location AS \"location\","                                                 \
	" e.start_time AS \"startTime\","                                              \
	" e.end_time AS \"endTime\","                                                  \
	" e.all_day AS \"allDay\","                                                    \
	" coalesce(e.status, 'confirmed') AS \"status\","                              \
	" e.sync_status AS \"syncStatus\","                                            \
	" e.last_error AS \"lastSyncError\","                                          \
	" CASE WHEN e.at_google = 1 THEN e.id END AS \"googleEventId\","               \
	" e.recurring_event_id AS \"recurringEventId\","                               \
	" CASE WHEN e.reach = 2 THEN 1 ELSE 0 END AS \"isSeries\","                    \
	" e.ical_uid AS \"iCalUID\","                                                  \
	" o.op AS \"pendingOp\","                                                      \
	" c.google_id AS \"calendarId\","                                              \
	" c.summary AS \"calendar\","                                                  \
	" a.name AS \"account\","                                                      \
	" a.account_id AS \"userId\","                                                 \
	" strftime('%Y-%m-%dT%H:%M:%SZ', nullif(e.updated_ms, 0) / 1000, 'unixepoch')" \
	"  AS \"updatedAt\""                                                           \
	" FROM event e"                                                                \
	" JOIN calendar c ON c.calendar_id = e.calendar_id"                            \
	" JOIN account a ON a.account_id = c.account_id"                               \
	" LEFT JOIN outbox o ON o.event_row = e.event_row"                             \
	" WHERE e.hidden = 0 AND e.cancelled = 0;"

/*
 * Conventions: *_utc are seconds, *_ms milliseconds since 1970 UTC, flags 0 or 1. Names of states
 * are those of the X lists in store.h. Where a column may be NULL its comment says what that means.
 *
 * Facts that cannot be fetched again: account, secret, event rows with an outbox entry or status
 * local_only, outbox, history, conflict, command, channel. All else is a cache that a full pull rebuilds.
 *
 * Large columns stand last in a table: SQLite reads a row from its front.
 */
static const char step_1[] =
	/* Facts about the store itself. */
	"CREATE TABLE meta ("
	" key TEXT PRIMARY KEY NOT NULL,"
	" value TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"

	/* AUTOINCREMENT: the id of a removed account never comes back (secrets are bound to it). */
	"CREATE TABLE account ("
	" account_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE CHECK (name <> ''),"
	" email TEXT NOT NULL," /* id of the primary calendar */
	" state TEXT NOT NULL"
	"  CHECK (state IN ('connected', 'reauth_required', 'disconnected')),"
	" base_url TEXT NOT NULL," /* host it was connected with; '' = Google's own */
	" auth TEXT NOT NULL,"     /* 'installed', 'service_account' */
	" client_id TEXT,"         /* NULL for a service account */
	" subject TEXT,"           /* service account: user it acts for; else NULL */
	" scopes TEXT NOT NULL,"   /* granted, space separated */
	" read_only INTEGER NOT NULL,"
	" connected_ms INTEGER NOT NULL,"
	" token_expires_ms INTEGER NOT NULL," /* of the access token; 0 = none */
	" last_sync_ms INTEGER NOT NULL,"     /* last good sync; 0 = never */
	" last_error TEXT,"                   /* of the last sync; NULL = it was good */
	" not_before_ms INTEGER NOT NULL,"    /* no request before; 0 = free */
	" list_sync_token TEXT"               /* of calendarList; NULL = full list next */
	") STRICT;"

	/* Sealed values, bound to (account_id, field) by their associated data. */
	"CREATE TABLE secret ("
	" account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
	" field TEXT NOT NULL,"
	" sealed BLOB NOT NULL,"
	" PRIMARY KEY (account_id, field)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE calendar ("
	" calendar_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
	" google_id TEXT NOT NULL,"
	" summary TEXT,"            /* the user's own title, else the calendar's */
	" time_zone TEXT NOT NULL," /* IANA name */
	" access_role TEXT,"
	" is_primary INTEGER NOT NULL,"
	" selected INTEGER NOT NULL,"     /* synced */
	" gone INTEGER NOT NULL,"         /* no longer on the account's list */
	" sync_token TEXT,"               /* NULL = full pull next */
	" last_sync_ms INTEGER NOT NULL," /* last good sync; 0 = never */
	" last_error TEXT,"               /* NULL = the last sync was good */
	" resource TEXT,"                 /* CalendarListEntry, JSON */
	" UNIQUE (account_id, google_id)"
	") STRICT;"

	/*
	 * One event of one calendar. AUTOINCREMENT: who holds the number of a deleted row must not
	 * meet another event under it.
	 */
	"CREATE TABLE event ("
	" event_row INTEGER PRIMARY KEY AUTOINCREMENT,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,"
	" id TEXT NOT NULL,"            /* Google's id, ours before Google has it */
	" generation INTEGER NOT NULL," /* of the full pull that saw it last */
	" at_google INTEGER NOT NULL,"  /* exists there as far as we know */
	" hidden INTEGER NOT NULL,"     /* a delete waits: not listed */
	" sync_status TEXT NOT NULL CHECK (sync_status IN ('local_only', 'synced', 'error')),"
	" changed_ms INTEGER NOT NULL," /* last local change; 0 = never */
	" etag TEXT,"                   /* NULL = not at Google */
	" last_error TEXT,"             /* NULL = none */
	/* From the resource, by event_index_derive(); never set otherwise. */
	" cancelled INTEGER NOT NULL," /* status is cancelled: an exception that does not happen */
	" all_day INTEGER NOT NULL,"
	" start_utc INTEGER,"     /* NULL = no usable start; of all-day rows: calendar's zone */
	" end_utc INTEGER,"       /* exclusive; NULL with start_utc */
	" reach INTEGER NOT NULL" /* how far it can stretch, enum event_reach */
	"  CHECK (reach IN (0, 1, 2)),"
	" until_utc INTEGER," /* a master's last end, not too early; NULL = unknown, endless */
	" updated_ms INTEGER NOT NULL," /* the newer of 'updated' and changed_ms; 0 = unknown */
	" start_time TEXT," /* RFC 3339 in UTC, or the date of an all-day event; NULL alike */
	" end_time TEXT,"
	" status TEXT,"             /* Google's; NULL = not given (confirmed) */
	" recurring_event_id TEXT," /* of an exception: its series; else NULL */
	" ical_uid TEXT,"           /* NULL = not known yet */
	" summary TEXT,"
	" location TEXT,"
	" description TEXT,"
	/* The resource as the user sees it, and Google's version while
	 * an edit waits (else NULL). */
	" resource TEXT NOT NULL,"
	" base TEXT,"
	" UNIQUE (calendar_id, id)"
	") STRICT;"
	"CREATE INDEX event_by_id ON event (id);"
	"CREATE INDEX event_by_start ON event (start_utc, id);"
	"CREATE INDEX event_by_calendar_start ON event (calendar_id, start_utc, id);"
	/* What a window must look at beside the rows that start near it. */
	"CREATE INDEX event_by_reach ON event (calendar_id, start_utc, id) WHERE reach > 0;"
	/* The sweep after a full pull; covers the counts too. */
	"CREATE INDEX event_by_generation"
	" ON event (calendar_id, at_google, generation, sync_status, cancelled);"
	"CREATE INDEX event_by_series"
	" ON event (recurring_event_id, calendar_id, start_utc, id)"
	" WHERE recurring_event_id IS NOT NULL;"
	"CREATE INDEX event_by_ical_uid ON event (ical_uid) WHERE ical_uid IS NOT NULL;"

	/* Versions that were replaced or deleted; kept when the event's row goes. */
	"CREATE TABLE history ("
	" history_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,"
	" event_id TEXT NOT NULL,"
	" origin TEXT NOT NULL CHECK (origin IN ('local', 'google', 'merge')),"
	" at_ms INTEGER NOT NULL,"
	" resource TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX history_by_event ON history (calendar_id, event_id, history_id);"

	/* What waits to be sent: at most one entry an event, which says what that event's pending
	 * op is (there is no second copy of it). */
	"CREATE TABLE outbox ("
	" outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" event_row INTEGER NOT NULL UNIQUE REFERENCES event ON DELETE CASCADE,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE," /* the event's */
	" op TEXT NOT NULL CHECK (op IN ('create', 'update', 'delete')),"
	" state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'refused')),"
	" created_ms INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" not_before_ms INTEGER NOT NULL," /* 0 = at once */
	" send_updates TEXT NOT NULL CHECK (send_updates IN ('none', 'all', 'externalOnly')),"
	" last_error TEXT" /* NULL = none yet */
	") STRICT;"
	"CREATE INDEX outbox_by_calendar ON outbox (calendar_id, state, not_before_ms);"

	"CREATE TABLE run ("
	" run_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
	" kind TEXT NOT NULL," /* 'sync', 'push', ... */
	" started_ms INTEGER NOT NULL,"
	" finished_ms INTEGER NOT NULL,"
	" success INTEGER NOT NULL,"
	" error TEXT," /* NULL = none */
	" detail TEXT" /* JSON; NULL = none */
	") STRICT;"
	"CREATE INDEX run_by_account ON run (account_id, run_id);"

	VIEW_CALENDAR_EVENT

	/* The webhook columns are NULL without a push channel. */
	"CREATE VIEW \"User\" AS SELECT"
	" account_id AS \"id\","
	" email AS \"email\","
	" name AS \"name\","
	" state AS \"state\","
	" read_only AS \"readOnly\","
	" strftime('%Y-%m-%dT%H:%M:%SZ', nullif(last_sync_ms, 0) / 1000, 'unixepoch')"
	"  AS \"lastSyncAt\","
	" last_error AS \"lastSyncError\","
	" CAST(NULL AS TEXT) AS \"calendarWebhookChannelId\","
	" CAST(NULL AS TEXT) AS \"calendarWebhookResourceId\","
	" CAST(NULL AS TEXT) AS \"calendarWebhookExpiration\""
	" FROM account;";

/*
 * Step 2: conflicts as records, a history that is also the feed of changes, commands that can be
 * taken back, requests to sync, budgets of requests, full pulls that can be resumed, moves.
 */
static const char step_2[] =
	/* The views name the tables that are made anew below. */
	"DROP VIEW \"CalendarEvent\";"

	/*
	 * What happened to events here, in order. history_id is the version that `event log` shows
	 * and the seq of `changes`. resource is the version that was replaced or deleted, NULL for
	 * a create. 'kept': a version that never was the visible one (the loser of a conflict);
	 * no change.
	 */
	"CREATE TABLE history_2 ("
	" history_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,"
	" event_id TEXT NOT NULL,"
	" op TEXT NOT NULL CHECK (op IN ('create', 'update', 'delete', 'kept')),"
	" origin TEXT NOT NULL CHECK (origin IN ('local', 'google', 'merge')),"
	" at_ms INTEGER NOT NULL,"
	" command_id INTEGER,"          /* the local command that did it; NULL = none */
	" local_only INTEGER NOT NULL," /* the version was to stay here: nothing of it waited */
	" resource TEXT"
	") STRICT;"
	"INSERT INTO history_2 (history_id, calendar_id, event_id, op, origin, at_ms, local_only,"
	"  resource)"
	" SELECT history_id, calendar_id, event_id, 'update', origin, at_ms, 0, resource"
	" FROM history ORDER BY history_id;"
	"DROP TABLE history;"
	"ALTER TABLE history_2 RENAME TO history;"
	"CREATE INDEX history_by_event ON history (calendar_id, event_id, history_id);"
	"CREATE INDEX history_by_id ON history (event_id, history_id);"
	"CREATE INDEX history_by_time ON history (at_ms);"
	"CREATE INDEX history_by_calendar ON history (calendar_id, history_id);"
	"CREATE INDEX history_by_moment ON history (calendar_id, at_ms);"
	"CREATE INDEX history_by_command ON history (command_id, history_id)"
	" WHERE command_id IS NOT NULL;"

	/* Local commands that changed events: what `undo` takes back. */
	"CREATE TABLE command ("
	" command_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" at_ms INTEGER NOT NULL,"
	" undone_ms INTEGER NOT NULL," /* 0 = not taken back */
	" name TEXT NOT NULL"          /* 'event edit', ... */
	") STRICT;"

	/* Both sides changed. event_row: of the event then, whatever its id and calendar have
	 * become; such a number never comes back. A record waits as long as that row's outbox entry
	 * has the state 'conflict': when the entry goes, or goes on, there is nothing left to
	 * decide. base, local and remote are the versions that met; local NULL: deleted here,
	 * remote NULL: deleted at Google, base NULL: there was no common one. */
	"CREATE TABLE conflict ("
	" conflict_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,"
	" event_row INTEGER NOT NULL,"
	" event_id TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('waiting', 'decided', 'resolved')),"
	" policy TEXT NOT NULL" /* that was in force */
	"  CHECK (policy IN ('merge', 'newest', 'local', 'remote', 'manual')),"
	" taken TEXT CHECK (taken IN ('local', 'remote', 'both'))," /* NULL = it waits */
	" at_ms INTEGER NOT NULL,"
	" resolved_ms INTEGER NOT NULL," /* by a person; 0 = not */
	" fields TEXT NOT NULL,"         /* JSON list of the contested fields' names */
	" base TEXT,"
	" local TEXT,"
	" remote TEXT"
	") STRICT;"
	"CREATE INDEX conflict_by_event ON conflict (calendar_id, event_id, conflict_id);"
	"CREATE INDEX conflict_by_row ON conflict (event_row, conflict_id);"
	"CREATE INDEX conflict_by_id ON conflict (event_id, conflict_id);"
	"CREATE INDEX conflict_by_state ON conflict (state, conflict_id);"

	/* A calendar that shall be synced: a push notification came, or a sync failed. One row a
	 * calendar, however many asked; a sync removes it only when nobody has asked since it began
	 * (ticket). */
	"CREATE TABLE sync_request ("
	" calendar_id INTEGER PRIMARY KEY REFERENCES calendar ON DELETE CASCADE,"
	" ticket INTEGER NOT NULL," /* grows with each asking */
	" requested_ms INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" not_before_ms INTEGER NOT NULL," /* 0 = at once */
	" reason TEXT NOT NULL,"
	" last_error TEXT" /* NULL = none yet */
	") STRICT;"

	/* Quota units taken in the last minute, so that processes side by side and one after the
	 * other share a budget. bucket: 'user <account_id>', 'project <client_id>'. */
	"CREATE TABLE rate ("
	" rate_id INTEGER PRIMARY KEY,"
	" bucket TEXT NOT NULL,"
	" at_ms INTEGER NOT NULL,"
	" units INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX rate_by_bucket ON rate (bucket, at_ms);"

	/* Where a full pull that was interrupted goes on: the page (NULL = the first), the
	 * generation of its rows, its items so far, whether one of them was unreadable, the time
	 * of its last page. */
	"ALTER TABLE calendar ADD COLUMN pull_page_token TEXT;"
	"ALTER TABLE calendar ADD COLUMN pull_generation INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE calendar ADD COLUMN pull_seen INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE calendar ADD COLUMN pull_holes INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE calendar ADD COLUMN pull_at_ms INTEGER NOT NULL DEFAULT 0;"

	/* As in step 1, with the state 'conflict' and with moves. */
	"CREATE TABLE outbox_2 ("
	" outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" event_row INTEGER NOT NULL UNIQUE REFERENCES event ON DELETE CASCADE,"
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE," /* the event's */
	" op TEXT NOT NULL CHECK (op IN ('create', 'update', 'delete')),"
	" state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'refused', 'conflict')),"
	" created_ms INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" not_before_ms INTEGER NOT NULL," /* 0 = at once */
	" send_updates TEXT NOT NULL CHECK (send_updates IN ('none', 'all', 'externalOnly')),"
	/* Where Google still has the event, when it waits to be moved; NULL = no move. */
	" move_from INTEGER REFERENCES calendar ON DELETE SET NULL,"
	" last_error TEXT,"   /* NULL = none yet */
	" late_updates TEXT," /* as send_updates, of edits since the last attempt; NULL = none */
	" sent TEXT" /* versions that went out and were never answered, a JSON list; NULL = none */
	") STRICT;"
	"INSERT INTO outbox_2 (outbox_id, event_row, calendar_id, op, state, created_ms, attempts,"
	"  not_before_ms, send_updates, last_error)"
	" SELECT outbox_id, event_row, calendar_id, op, state, created_ms, attempts, not_before_ms,"
	"  send_updates, last_error FROM outbox ORDER BY outbox_id;"
	"DROP TABLE outbox;"
	"ALTER TABLE outbox_2 RENAME TO outbox;"
	"CREATE INDEX outbox_by_calendar ON outbox (calendar_id, state, not_before_ms);"
	"CREATE INDEX outbox_by_move ON outbox (move_from) WHERE move_from IS NOT "
	"NULL;" VIEW_CALENDAR_EVENT;

/*
 * Step 3: push channels. Those of an account are found through its calendars, which are few.
 */
static const char step_3[] =
	"CREATE TABLE channel ("
	" channel_id TEXT PRIMARY KEY NOT NULL," /* chosen here */
	" calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,"
	" address TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('new', 'active', 'stopping')),"
	" resource_id TEXT,"               /* Google's; NULL = not known yet */
	" expiration_ms INTEGER NOT NULL," /* 0 = not known */
	" created_ms INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL," /* of stopping it that failed */
	" last_error TEXT"            /* of the last of them; NULL = none */
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX channel_by_calendar ON channel (calendar_id, state, created_ms);"

	/* Whether it is to have a channel. 'unsupported': Google cannot. */
	"ALTER TABLE calendar ADD COLUMN push TEXT NOT NULL DEFAULT 'off'"
	" CHECK (push IN ('off', 'on', 'unsupported'));"

	/* As in step 1, with the primary calendar's newest channel, else another calendar's; the
	 * webhook columns are NULL without one. */
	"DROP VIEW \"User\";"
	"CREATE VIEW \"User\" AS SELECT"
	" a.account_id AS \"id\","
	" a.email AS \"email\","
	" a.name AS \"name\","
	" a.state AS \"state\","
	" a.read_only AS \"readOnly\","
	" strftime('%Y-%m-%dT%H:%M:%SZ', nullif(a.last_sync_ms, 0) / 1000, 'unixepoch')"
	"  AS \"lastSyncAt\","
	" a.last_error AS \"lastSyncError\","
	" h.channel_id AS \"calendarWebhookChannelId\","
	" h.resource_id AS \"calendarWebhookResourceId\","
	" strftime('%Y-%m-%dT%H:%M:%SZ', nullif(h.expiration_ms, 0) / 1000, 'unixepoch')"
	"  AS \"calendarWebhookExpiration\""
	" FROM account a"
	" LEFT JOIN channel h ON h.channel_id = ("
	"  SELECT n.channel_id FROM channel n JOIN calendar c ON c.calendar_id = n.calendar_id"
	"  WHERE c.account_id = a.account_id AND n.state = 'active'"
	"  ORDER BY c.is_primary DESC, n.created_ms DESC, n.channel_id LIMIT 1);";

/* A step that has shipped is never edited: add the next one. */
static const char *const steps[] = {step_1, step_2, step_3};

int schema_version(void)
{
	return (int)ARRAY_SIZE(steps);
}

static int newer(const struct db *db, int version, int known, struct err *err)
{
	return err_set(
		err, ERR_STORE,
		"database '%s' was written by a newer calsync (schema %d, this one knows %d);"
		" upgrade calsync",
		db_path(db), version, known);
}

int schema_check_header(const struct db *db, const struct db_header *header, struct err *err)
{
	if (header->empty)
		return 0;
	/* The id is set by the transaction that makes the tables, before the file changes to WAL:
	 * the main file always shows it. */
	if (!header->is_sqlite || header->application_id != SCHEMA_APPLICATION_ID)
		return err_set(err, ERR_STORE, "'%s' is not a calsync database", db_path(db));
	if (header->user_version > schema_version())
		return newer(db, header->user_version, schema_version(), err);
	return 0;
}

/* Another process may have taken the step while we waited for the lock: look again inside. */
static int take_step(struct db *db, int application_id, const char *step, int from, struct err *err)
{
	char pragmas[100];
	int version;

	if (db_begin_at(db, true, __FILE__, __LINE__, err))
		return -1;
	/* PRAGMA takes no parameters; both are numbers of ours. */
	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 application_id, from + 1);
	if (db_user_version(db, &version, err) ||
	    (version == from && (db_exec(db, step, err) || db_exec(db, pragmas, err)))) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

int schema_migrate(struct db *db, int application_id, const char *const list[], int count,
		   struct err *err)
{
	int before, version;

	if (db_user_version(db, &before, err))
		return -1;
	for (version = before; version < count;) {
		if (take_step(db, application_id, list[version], version, err))
			return err_wrap(err, "cannot upgrade the schema to %d", version + 1);
		if (db_user_version(db, &version, err))
			return -1;
	}
	if (version > count)
		return newer(db, version, count, err);
	/* The main file's header has to say what version it is: schema_check_header(). */
	if (before > 0 && version != before)
		return db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", err);
	return 0;
}

int schema_upgrade(struct db *db, struct err *err)
{
	return schema_migrate(db, SCHEMA_APPLICATION_ID, steps, schema_version(), err);
}
