/* A store of its own for each test, in a folder that goes away with it. Include after cmocka.h. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "store/internal.h"
#include "store/store.h"
#include "temp_tree.h"

static struct err err;
static char folder[TEMP_TREE_LEN]; /* the test's own */
static char db_file[TEMP_TREE_LEN + 32];
static struct store *store;

/* A call that must work; shows why when it does not. */
#define OK(call)                                                   \
	do {                                                       \
		err.msg[0] = '\0';                                 \
		if ((call) != 0)                                   \
			fail_msg("%s failed: %s", #call, err.msg); \
	} while (0)
/* A call that must fail with this code; err has the message. */
#define FAILS(code_, call)                                                \
	do {                                                              \
		assert_int_equal((call), -1);                             \
		assert_string_equal(err_name(err.code), err_name(code_)); \
		assert_int_equal(err.code, (code_));                      \
	} while (0)

static inline int fixture_folder(void **state)
{
	(void)state;
	if (temp_tree_make(folder))
		return -1;
	snprintf(db_file, sizeof(db_file), "%s/data/calsync/calsync.db", folder);
	store = NULL;
	return 0;
}

static inline int fixture_store(void **state)
{
	return fixture_folder(state) || store_open(db_file, STORE_CREATE, &store, &err);
}

static inline int fixture_end(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	return temp_tree_remove(folder);
}

/* As another process sees it. */
static inline struct store *reopen(void)
{
	store_close(store);
	store = NULL;
	OK(store_open(db_file, 0, &store, &err));
	return store;
}

static inline struct json_object *json_of(const char *text)
{
	struct json_object *obj;

	OK(json_parse(text, strlen(text), &obj, &err));
	return obj;
}

static inline int64_t add_account(const char *name)
{
	struct account a = {
		.name = (char *)name,
		.email = (char *)name,
		.base_url = (char *)"",
		.auth = (char *)"installed",
		.scopes = (char *)"calendar",
	};

	OK(store_account_add(store, &a, &err));
	return a.id;
}

static inline int64_t add_calendar_in(int64_t account, const char *google_id, const char *zone)
{
	struct calendar c = {
		.account_id = account,
		.google_id = (char *)google_id,
		.summary = (char *)google_id,
		.time_zone = (char *)zone,
		.access_role = (char *)"owner",
		.selected = true,
	};
	bool changed = false;

	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_true(changed);
	return c.id;
}

/* A calendar of an account of its own. */
static inline int64_t add_calendar(void)
{
	return add_calendar_in(add_account("ann@example.com"), "ann@example.com", "UTC");
}

/* A row at Google whose resource is JSON text; returns its number. */
static inline int64_t add_event(int64_t calendar, const char *id, const char *resource)
{
	AUTO(json_object_put) struct json_object *obj = json_of(resource);
	struct event e = {
		.calendar_id = calendar,
		.id = (char *)id,
		.resource = obj,
		.etag = (char *)"\"1\"",
		.at_google = true,
		.sync_status = SYNC_SYNCED,
	};

	OK(store_event_put(store, &e, &err));
	return e.rowid;
}

static inline int64_t add_outbox(int64_t event_rowid, enum pending_op op)
{
	struct outbox o = {.event_rowid = event_rowid, .op = op, .created_ms = 5};

	OK(store_outbox_put(store, &o, &err));
	return o.id;
}

/* The database and what lies beside it: there or not, and every byte. */
static inline char *snapshot(void)
{
	static const char *const suffixes[] = {"", "-wal", "-journal", "-shm"};
	struct strbuf all = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO(free) char *path = xasprintf("%s%s", db_file, suffixes[i]);
		AUTO(fclose) FILE *f = fopen(path, "r");
		int c;

		strbuf_addf(&all, "%s%s", suffixes[i], f ? ":" : " is not there");
		/* The index of the WAL is made anew by whoever looks. */
		while (f && strcmp(suffixes[i], "-shm") != 0 && (c = fgetc(f)) != EOF)
			strbuf_addf(&all, "%02x", (unsigned)c);
	}
	return strbuf_detach(&all);
}

/* Run fn in a process of its own; returns its exit status, or 128 + the signal that ended it.
 * What it leaves in err.msg comes back in ours. */
static inline int in_child(int (*fn)(void))
{
	int fds[2], status;
	pid_t pid;
	ssize_t n;

	assert_null(store); /* a connection must not cross a fork */
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		status = fn();
		if (write(fds[1], err.msg, sizeof(err.msg)) < 0)
			_exit(99);
		_exit(status);
	}
	close(fds[1]);
	n = read(fds[0], err.msg, sizeof(err.msg));
	close(fds[0]);
	if (n <= 0)
		err.msg[0] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void close_store(void)
{
	store_close(store);
	store = NULL;
}

static inline int64_t count(const char *sql)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	OK(db_prepare(store->db, sql, &st, &err));
	assert_int_equal(stmt_step(st, &err), 1);
	return col_int(st, 0);
}

/* The store is what an older calsync wrote: an SQL file. */
static inline void load_old(const char *file)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(db_close) struct db *db = NULL;
	struct db_header header;

	OK(io_read_file(file, 1 << 20, &sql, &err));
	OK(db_open(db_file, true, &db, &header, &err));
	OK(db_exec(db, sql.buf, &err));
}

/* --- events by time ---------------------------------------------------------------------- */

#define TIMED(start, end)                                                \
	"{\"summary\": \"s\", \"start\": {\"dateTime\": \"" start "\"}," \
	" \"end\": {\"dateTime\": \"" end "\"}}"
#define ALL_DAY(start, end)                      \
	"{\"start\": {\"date\": \"" start "\"}," \
	" \"end\": {\"date\": \"" end "\"}}"

/* The ids of what a query finds, in its order, joined by spaces. */
static inline int note_id(const struct event *e, void *arg)
{
	strbuf_addf(arg, "%s%s", ((struct strbuf *)arg)->len ? " " : "", e->id);
	return 0;
}

#define assert_finds(query, ids)                                              \
	do {                                                                  \
		struct strbuf found_ = STRBUF_INIT;                           \
		struct event_list list_;                                      \
		OK(store_event_each(store, (query), note_id, &found_, &err)); \
		assert_string_equal(found_.buf, (ids));                       \
		strbuf_reset(&found_);                                        \
		OK(store_event_list(store, (query), &list_, &err));           \
		for (size_t i_ = 0; i_ < list_.count; i_++)                   \
			note_id(&list_.items[i_], &found_);                   \
		assert_string_equal(found_.buf, (ids));                       \
		event_list_release(&list_);                                   \
		strbuf_release(&found_);                                      \
	} while (0)

static inline int64_t at(const char *time)
{
	struct rfc3339 t;

	OK(rfc3339_parse(time, &t, &err));
	return t.utc;
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, fixture_folder, fixture_end)
#define IN_STORE(name)  cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)

#endif
