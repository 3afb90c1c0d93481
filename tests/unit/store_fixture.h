/* A store of its own for each test, in a folder that goes away with it. Include after cmocka.h. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "store/store.h"

static struct err err;
static char folder[64]; /* the test's own */
static char db_file[96];
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
	snprintf(folder, sizeof(folder), "/tmp/calsync-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(db_file, sizeof(db_file), "%s/data/calsync/calsync.db", folder);
	store = NULL;
	return 0;
}

static inline int fixture_store(void **state)
{
	return fixture_folder(state) || store_open(db_file, STORE_CREATE, &store, &err);
}

static inline int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int fixture_end(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	return nftw(folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
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

#endif
