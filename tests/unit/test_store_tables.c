/* Accounts, secrets, calendars, the outbox, runs, and the views that other programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/internal.h"
#include "store_fixture.h"

/* The first column of the first row of a query; "(none)" without a row, "(null)" for NULL. */
static char *ask(const char *sql)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	OK(db_prepare(store->db, sql, &st, &err));
	status = stmt_step(st, &err);
	if (status < 0)
		fail_msg("%s: %s", sql, err.msg);
	return status ? (col_is_null(st, 0) ? xstrdup("(null)") : col_dup(st, 0))
		      : xstrdup("(none)");
}

#define assert_sql(sql, want)                      \
	do {                                       \
		char *got_ = ask(sql);             \
		assert_string_equal(got_, (want)); \
		free(got_);                        \
	} while (0)

/* --- accounts ---------------------------------------------------------------------------- */

static void test_store_account__every_field_comes_back(void **state)
{
	struct account a = {
		.name = xstrdup("work"),
		.email = xstrdup("ann@example.com"),
		.state = ACCOUNT_REAUTH_REQUIRED,
		.base_url = xstrdup("http://127.0.0.1:8080"),
		.auth = xstrdup("service_account"),
		.client_id = xstrdup("id.apps"),
		.subject = xstrdup("ann@example.com"),
		.scopes = xstrdup("calendar openid"),
		.read_only = true,
		.connected_ms = 1,
		.token_expires_ms = 2,
		.last_sync_ms = 3,
		.last_error = xstrdup("no network"),
		.not_before_ms = 4,
		.list_sync_token = xstrdup("tok"),
	};
	struct account got = {0};

	(void)state;
	OK(store_account_add(store, &a, &err));
	assert_true(a.id > 0);
	reopen();
	OK(store_account_get(store, "work", &got, &err));
	assert_int_equal(got.id, a.id);
	assert_string_equal(got.name, "work");
	assert_string_equal(got.email, "ann@example.com");
	assert_int_equal(got.state, ACCOUNT_REAUTH_REQUIRED);
	assert_string_equal(got.base_url, "http://127.0.0.1:8080");
	assert_string_equal(got.auth, "service_account");
	assert_string_equal(got.client_id, "id.apps");
	assert_string_equal(got.subject, "ann@example.com");
	assert_string_equal(got.scopes, "calendar openid");
	assert_true(got.read_only);
	assert_int_equal(got.connected_ms, 1);
	assert_int_equal(got.token_expires_ms, 2);
	assert_int_equal(got.last_sync_ms, 3);
	assert_string_equal(got.last_error, "no network");
	assert_int_equal(got.not_before_ms, 4);
	assert_string_equal(got.list_sync_token, "tok");
	account_release(&got);

	xstr_set(&a.name, "home");
	xstr_set(&a.email, "eve@example.com");
	a.state = ACCOUNT_CONNECTED;
	xstr_set(&a.base_url, "");
	xstr_set(&a.auth, "installed");
	xstr_set(&a.client_id, NULL);
	xstr_set(&a.subject, NULL);
	xstr_set(&a.scopes, "calendar");
	a.read_only = false;
	a.connected_ms = a.token_expires_ms = a.last_sync_ms = a.not_before_ms = 0;
	xstr_set(&a.last_error, NULL);
	xstr_set(&a.list_sync_token, NULL);
	OK(store_account_update(store, &a, &err));
	FAILS(ERR_NOT_FOUND, store_account_get(store, "work", &got, &err));
	assert_string_equal(err.msg, "no account named 'work'");
	OK(store_account_get(store, "home", &got, &err));
	assert_int_equal(got.id, a.id);
	assert_string_equal(got.email, "eve@example.com");
	assert_int_equal(got.state, ACCOUNT_CONNECTED);
	assert_string_equal(got.base_url, "");
	assert_string_equal(got.auth, "installed");
	assert_null(got.client_id);
	assert_null(got.subject);
	assert_string_equal(got.scopes, "calendar");
	assert_false(got.read_only);
	assert_int_equal(got.connected_ms, 0);
	assert_int_equal(got.token_expires_ms, 0);
	assert_int_equal(got.last_sync_ms, 0);
	assert_null(got.last_error);
	assert_int_equal(got.not_before_ms, 0);
	assert_null(got.list_sync_token);
	account_release(&got);
	account_release(&a);
}

static void test_store_account__a_name_is_taken_once(void **state)
{
	struct account a = {.name = (char *)"ann", .email = (char *)"x"};
	struct account_list list;

	(void)state;
	add_account("ann");
	FAILS(ERR_STORE, store_account_add(store, &a, &err));
	assert_string_equal(err.msg, "an account named 'ann' is there already");
	assert_int_equal(a.id, 0);
	a.id = add_account("bob");
	FAILS(ERR_STORE, store_account_update(store, &a, &err));
	assert_string_equal(err.msg, "an account named 'ann' is there already");
	a.id = 99;
	a.name = (char *)"zoe";
	FAILS(ERR_NOT_FOUND, store_account_update(store, &a, &err));
	a.name = (char *)"";
	FAILS(ERR_STORE, store_account_add(store, &a, &err));
	add_account("Zed");
	OK(store_account_list(store, &list, &err));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[0].name, "Zed");
	assert_string_equal(list.items[1].name, "ann");
	assert_string_equal(list.items[2].name, "bob");
	account_list_release(&list);
}

static void test_store_account__removing_one_leaves_nothing_of_it(void **state)
{
	static const char *const tables[] = {"account", "secret",  "calendar", "event",
					     "outbox",  "history", "run"};
	AUTO(json_object_put) struct json_object *old = json_of("{}");
	int64_t ids[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct run_record r = {.kind = (char *)"sync"};
		int64_t calendar;

		r.account_id = ids[i] = add_account(i ? "ann" : "bob");
		calendar = add_calendar_in(ids[i], "c", "UTC");
		OK(store_secret_put(store, ids[i], "refresh_token", "x", 1, &err));
		add_outbox(add_event(calendar, "one", "{}"), PENDING_UPDATE);
		OK(store_history_add(store, calendar, "one", old, "local", 1, &err));
		OK(store_run_add(store, &r, &err));
	}
	OK(store_account_remove(store, ids[1], &err));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		AUTO(free) char *sql = xasprintf("SELECT count(*) FROM %s", tables[i]);

		assert_sql(sql, "1");
	}
	FAILS(ERR_NOT_FOUND, store_account_remove(store, ids[1], &err));
	/* Its number never comes back: secrets are sealed for it. */
	assert_true(add_account("ann") > ids[1]);
}

/* --- secrets ----------------------------------------------------------------------------- */

static void test_store_secret__bytes_come_back_by_account_and_field(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	OK(store_secret_put(store, ann, "refresh_token", "a\0b\xff", 4, &err));
	OK(store_secret_put(store, ann, "access_token", "", 0, &err));
	OK(store_secret_put(store, bob, "refresh_token", "bob's", 5, &err));
	reopen();
	strbuf_adds(&got, "kept:");
	OK(store_secret_get(store, ann, "refresh_token", &got, &err));
	assert_int_equal(got.len, 9);
	assert_memory_equal(got.buf, "kept:a\0b\xff", 9);
	strbuf_reset(&got);
	OK(store_secret_get(store, ann, "access_token", &got, &err));
	assert_int_equal(got.len, 0);
	FAILS(ERR_NOT_FOUND, store_secret_get(store, ann, "client_secret", &got, &err));
	assert_non_null(strstr(err.msg, "client_secret"));
	FAILS(ERR_NOT_FOUND, store_secret_get(store, 99, "refresh_token", &got, &err));
	OK(store_secret_put(store, ann, "refresh_token", "new", 3, &err));
	OK(store_secret_get(store, ann, "refresh_token", &got, &err));
	assert_string_equal(got.buf, "new");
	OK(store_secret_delete(store, ann, "refresh_token", &err));
	OK(store_secret_delete(store, ann, "never_there", &err));
	FAILS(ERR_NOT_FOUND, store_secret_get(store, ann, "refresh_token", &got, &err));
	strbuf_reset(&got);
	OK(store_secret_get(store, ann, "access_token", &got, &err));
	OK(store_secret_delete(store, ann, NULL, &err));
	FAILS(ERR_NOT_FOUND, store_secret_get(store, ann, "access_token", &got, &err));
	OK(store_secret_get(store, bob, "refresh_token", &got, &err));
	assert_string_equal(got.buf, "bob's");
	/* Not for an account that is not there. */
	FAILS(ERR_STORE, store_secret_put(store, 99, "refresh_token", "x", 1, &err));
}

/* --- calendars --------------------------------------------------------------------------- */

static void test_store_calendar__every_field_comes_back(void **state)
{
	int64_t account = add_account("ann");
	AUTO(json_object_put) struct json_object *resource = json_of("{\"id\": \"c\", \"n\": 1}");
	struct calendar c = {
		.account_id = account,
		.google_id = (char *)"c@group",
		.summary = (char *)"Team",
		.time_zone = (char *)"Europe/Berlin",
		.access_role = (char *)"reader",
		.primary = true,
		.selected = true,
		.resource = resource,
	};
	struct calendar got = {0};
	bool changed = false;

	(void)state;
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_true(changed);
	OK(store_calendar_set_sync(store, c.id, "tok", 1700000000000, "oops", &err));
	OK(store_calendar_set_gone(store, c.id, true, &err));
	reopen();
	OK(store_calendar_get(store, c.id, &got, &err));
	assert_int_equal(got.id, c.id);
	assert_int_equal(got.account_id, account);
	assert_string_equal(got.account, "ann");
	assert_string_equal(got.google_id, "c@group");
	assert_string_equal(got.summary, "Team");
	assert_string_equal(got.time_zone, "Europe/Berlin");
	assert_string_equal(got.access_role, "reader");
	assert_true(got.primary);
	assert_true(got.selected);
	assert_true(got.gone);
	assert_true(json_equal(got.resource, resource));
	assert_string_equal(got.sync_token, "tok");
	assert_int_equal(got.last_sync_ms, 1700000000000);
	assert_string_equal(got.last_error, "oops");
	calendar_release(&got);
	OK(store_calendar_set_sync(store, c.id, NULL, 0, NULL, &err));
	OK(store_calendar_set_gone(store, c.id, false, &err));
	OK(store_calendar_set_selected(store, c.id, false, &err));
	OK(store_calendar_get(store, c.id, &got, &err));
	assert_null(got.sync_token);
	assert_int_equal(got.last_sync_ms, 0);
	assert_null(got.last_error);
	assert_false(got.gone);
	assert_false(got.selected);
	calendar_release(&got);
	FAILS(ERR_NOT_FOUND, store_calendar_get(store, 99, &got, &err));
	FAILS(ERR_NOT_FOUND, store_calendar_set_selected(store, 99, true, &err));
	FAILS(ERR_NOT_FOUND, store_calendar_set_gone(store, 99, true, &err));
	FAILS(ERR_NOT_FOUND, store_calendar_set_sync(store, 99, NULL, 0, NULL, &err));
}

static void test_store_calendar__an_upsert_writes_only_what_differs(void **state)
{
	int64_t account = add_account("ann");
	AUTO(json_object_put) struct json_object *one = json_of("{\"a\": 1, \"b\": 2}");
	AUTO(json_object_put) struct json_object *swapped = json_of("{\"b\": 2, \"a\": 1}");
	AUTO(json_object_put) struct json_object *two = json_of("{\"a\": 1, \"b\": 3}");
	struct calendar c = {
		.account_id = account,
		.google_id = (char *)"c",
		.summary = (char *)"Team",
		.access_role = (char *)"owner",
		.selected = true,
		.resource = one,
	};
	struct calendar got = {0};
	int64_t id;
	bool changed = false;

	(void)state;
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_true(changed);
	id = c.id;
	OK(store_calendar_set_sync(store, id, "tok", 5, NULL, &err));

#define UPSERT(expected)                                              \
	do {                                                          \
		c.id = 0;                                             \
		changed = !(expected);                                \
		OK(store_calendar_upsert(store, &c, &changed, &err)); \
		assert_int_equal(changed, (expected));                \
		assert_int_equal(c.id, id);                           \
	} while (0)

	UPSERT(false);
	c.selected = false; /* counts on insert alone */
	c.sync_token = (char *)"other";
	c.resource = swapped;        /* the same thing in another order */
	c.time_zone = (char *)"UTC"; /* what NULL stands for */
	UPSERT(false);
	c.resource = two;
	UPSERT(true);
	UPSERT(false);
	c.summary = NULL;
	UPSERT(true);
	UPSERT(false);
	c.access_role = (char *)"reader";
	UPSERT(true);
	c.primary = true;
	UPSERT(true);
	c.gone = true;
	UPSERT(true);
	c.time_zone = (char *)"Europe/Berlin";
	UPSERT(true);
	UPSERT(false);
	OK(store_calendar_get(store, id, &got, &err));
	assert_true(got.selected);
	assert_string_equal(got.sync_token, "tok");
	assert_int_equal(got.last_sync_ms, 5);
	assert_null(got.summary);
	assert_true(json_equal(got.resource, two));
	calendar_release(&got);
	/* For nobody's account. */
	c.account_id = 99;
	FAILS(ERR_STORE, store_calendar_upsert(store, &c, &changed, &err));
}

/* An unchanged list of calendars must not even wait for somebody else's write. */
static void test_store_calendar__an_unchanged_one_takes_no_lock(void **state)
{
	int64_t account = add_account("ann");
	AUTO(store_close) struct store *second = NULL;
	struct calendar c = {.account_id = account,
			     .google_id = (char *)"c",
			     .summary = (char *)"c",
			     .time_zone = (char *)"UTC",
			     .access_role = (char *)"owner"};
	bool changed = true;

	(void)state;
	add_calendar_in(account, "c", "UTC");
	OK(store_open(db_file, 0, &second, &err));
	db_set_busy_timeout(second->db, 50);
	OK(store_begin(store, &err));
	OK(store_calendar_upsert(second, &c, &changed, &err));
	assert_false(changed);
	c.summary = (char *)"other";
	FAILS(ERR_STORE, store_calendar_upsert(second, &c, &changed, &err));
	store_rollback(store);
}

static void test_store_calendar__lists_are_by_account_primary_and_title(void **state)
{
	int64_t bob = add_account("bob"), ann = add_account("ann");
	struct calendar c = {.account_id = ann,
			     .google_id = (char *)"p",
			     .summary = (char *)"zz",
			     .primary = true};
	struct calendar_list list;
	bool changed;

	(void)state;
	add_calendar_in(bob, "b2", "UTC");
	add_calendar_in(bob, "b1", "UTC");
	add_calendar_in(ann, "a1", "UTC");
	OK(store_calendar_upsert(store, &c, &changed, &err));
	OK(store_calendar_list(store, 0, &list, &err));
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].google_id, "p");
	assert_string_equal(list.items[1].google_id, "a1");
	assert_string_equal(list.items[1].account, "ann");
	assert_string_equal(list.items[2].google_id, "b1");
	assert_string_equal(list.items[3].google_id, "b2");
	calendar_list_release(&list);
	OK(store_calendar_list(store, bob, &list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].google_id, "b1");
	calendar_list_release(&list);
	OK(store_calendar_list(store, 99, &list, &err));
	assert_int_equal(list.count, 0);
	calendar_list_release(&list);
}

static void test_store_calendar__a_damaged_one_is_named(void **state)
{
	int64_t id = add_calendar();
	struct calendar got = {0};
	struct calendar_list list;

	(void)state;
	OK(db_exec(store->db, "UPDATE calendar SET resource = '{'", &err));
	FAILS(ERR_STORE, store_calendar_get(store, id, &got, &err));
	assert_non_null(strstr(err.msg, "calendar 'ann@example.com' is damaged"));
	FAILS(ERR_STORE, store_calendar_list(store, 0, &list, &err));
}

/* --- outbox ------------------------------------------------------------------------------ */

static void test_store_outbox__every_field_comes_back(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "one", "{}");
	struct outbox o = {
		.event_rowid = row,
		.op = PENDING_UPDATE,
		.state = OUTBOX_REFUSED,
		.created_ms = 1700000000000,
		.attempts = 3,
		.not_before_ms = 1700000000999,
		.send_updates = (char *)"externalOnly",
		.last_error = (char *)"400",
	};
	struct outbox got = {0};
	int64_t id;
	bool found = true;

	(void)state;
	OK(store_outbox_get(store, row, &got, &found, &err));
	assert_false(found);
	OK(store_outbox_put(store, &o, &err));
	id = o.id;
	assert_true(id > 0);
	reopen();
	OK(store_outbox_get(store, row, &got, &found, &err));
	assert_true(found);
	assert_int_equal(got.id, id);
	assert_int_equal(got.event_rowid, row);
	assert_int_equal(got.calendar_id, calendar);
	assert_string_equal(got.event_id, "one");
	assert_int_equal(got.op, PENDING_UPDATE);
	assert_int_equal(got.state, OUTBOX_REFUSED);
	assert_int_equal(got.created_ms, 1700000000000);
	assert_int_equal(got.attempts, 3);
	assert_int_equal(got.not_before_ms, 1700000000999);
	assert_string_equal(got.send_updates, "externalOnly");
	assert_string_equal(got.last_error, "400");
	outbox_release(&got);

	/* A later edit folds into it: same place in the queue. */
	o = (struct outbox){.event_rowid = row, .op = PENDING_DELETE, .created_ms = 9};
	add_outbox(add_event(calendar, "two", "{}"), PENDING_CREATE);
	OK(store_outbox_put(store, &o, &err));
	assert_int_equal(o.id, id);
	OK(store_outbox_get(store, row, &got, &found, &err));
	assert_int_equal(got.id, id);
	assert_int_equal(got.op, PENDING_DELETE);
	assert_int_equal(got.state, OUTBOX_QUEUED);
	assert_int_equal(got.attempts, 0);
	assert_int_equal(got.not_before_ms, 0);
	assert_string_equal(got.send_updates, "none");
	assert_null(got.last_error);
	outbox_release(&got);

	o.event_rowid = 99;
	FAILS(ERR_NOT_FOUND, store_outbox_put(store, &o, &err));
	o.event_rowid = row;
	o.send_updates = (char *)"some";
	FAILS(ERR_STORE, store_outbox_put(store, &o, &err));
}

static enum pending_op pending_of(int64_t row)
{
	struct event e = {0};
	enum pending_op op;

	OK(store_event_get_row(store, row, &e, &err));
	op = e.pending;
	/* A copy from before must not bring an old op back. */
	e.pending = PENDING_CREATE;
	OK(store_event_put(store, &e, &err));
	event_release(&e);
	return op;
}

static void test_store_outbox__an_events_pending_op_is_its_entry(void **state)
{
	int64_t row = add_event(add_calendar(), "one", "{}");
	static const enum pending_op ops[] = {PENDING_CREATE, PENDING_UPDATE, PENDING_DELETE};
	int64_t last = 0;

	(void)state;
	assert_int_equal(pending_of(row), PENDING_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		add_outbox(row, ops[i]);
		assert_int_equal(pending_of(row), ops[i]);
		assert_int_equal(pending_of(row), ops[i]);
	}
	last = add_outbox(row, PENDING_UPDATE);
	OK(store_outbox_delete(store, row, &err));
	assert_int_equal(pending_of(row), PENDING_NONE);
	OK(store_outbox_delete(store, row, &err)); /* none there */
	/* A new entry is behind all that ever were. */
	assert_true(add_outbox(row, PENDING_UPDATE) > last);
}

static void assert_queue(int64_t account, int64_t calendar, int64_t due, size_t limit,
			 const char *ids)
{
	struct outbox_list list;
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	OK(store_outbox_list(store, account, calendar, due, limit, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		strbuf_addf(&got, "%s%s", i ? " " : "", list.items[i].event_id);
	outbox_list_release(&list);
	assert_string_equal(got.buf, ids);
}

static void test_store_outbox__lists_are_oldest_first_and_by_what_is_due(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	int64_t a1 = add_calendar_in(ann, "a1", "UTC"), a2 = add_calendar_in(ann, "a2", "UTC");
	int64_t b1 = add_calendar_in(bob, "b1", "UTC");
	struct outbox later = {.event_rowid = add_event(a1, "later", "{}"),
			       .op = PENDING_UPDATE,
			       .not_before_ms = 1000};
	struct outbox held = {.event_rowid = add_event(a1, "held", "{}"),
			      .op = PENDING_UPDATE,
			      .state = OUTBOX_HELD};
	struct outbox refused = {.event_rowid = add_event(a2, "refused", "{}"),
				 .op = PENDING_UPDATE,
				 .state = OUTBOX_REFUSED};
	struct event moved = {0};
	int64_t now = add_event(a2, "now", "{}");

	(void)state;
	OK(store_outbox_put(store, &later, &err));
	add_outbox(now, PENDING_UPDATE);
	OK(store_outbox_put(store, &held, &err));
	OK(store_outbox_put(store, &refused, &err));
	add_outbox(add_event(b1, "bobs", "{}"), PENDING_UPDATE);
	assert_queue(0, 0, -1, 0, "later now held refused bobs");
	assert_queue(0, 0, -1, 2, "later now");
	assert_queue(0, 0, 999, 0, "now bobs");
	assert_queue(0, 0, 1000, 0, "later now bobs");
	assert_queue(0, 0, 0, 1, "now");
	assert_queue(ann, 0, 999, 0, "now");
	assert_queue(ann, 0, -1, 0, "later now held refused");
	assert_queue(0, a1, -1, 0, "later held");
	assert_queue(bob, a1, -1, 0, "");
	assert_queue(bob, b1, 0, 0, "bobs");
	/* An event that moves takes its entry along. */
	OK(store_event_get_row(store, now, &moved, &err));
	moved.calendar_id = b1;
	OK(store_event_put(store, &moved, &err));
	event_release(&moved);
	assert_queue(0, b1, -1, 0, "now bobs");
	assert_queue(0, a2, -1, 0, "refused");
}

/* --- runs -------------------------------------------------------------------------------- */

static void test_store_run__every_field_comes_back_newest_first(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	AUTO(json_object_put) struct json_object *detail = json_of("{\"created\": 1}");
	struct run_record r = {
		.account_id = ann,
		.kind = (char *)"sync",
		.started_ms = 10,
		.finished_ms = 20,
		.success = true,
		.detail = detail,
	};
	struct run_list list;

	(void)state;
	OK(store_run_add(store, &r, &err));
	r = (struct run_record){
		.account_id = bob, .kind = (char *)"push", .error = (char *)"no network"};
	OK(store_run_add(store, &r, &err));
	reopen();
	OK(store_run_list(store, 0, 0, &list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].account, "bob");
	assert_string_equal(list.items[0].kind, "push");
	assert_string_equal(list.items[0].error, "no network");
	assert_false(list.items[0].success);
	assert_null(list.items[0].detail);
	assert_true(list.items[0].id > list.items[1].id);
	assert_string_equal(list.items[1].account, "ann");
	assert_int_equal(list.items[1].account_id, ann);
	assert_int_equal(list.items[1].started_ms, 10);
	assert_int_equal(list.items[1].finished_ms, 20);
	assert_true(list.items[1].success);
	assert_null(list.items[1].error);
	assert_true(json_equal(list.items[1].detail, detail));
	run_list_release(&list);
	OK(store_run_list(store, ann, 5, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].kind, "sync");
	run_list_release(&list);
	OK(store_run_list(store, 0, 1, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].kind, "push");
	run_list_release(&list);
}

static void test_store_run__the_last_thousand_of_each_account_are_kept(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	struct run_record r = {.account_id = bob, .kind = (char *)"sync"};
	struct run_list list;

	(void)state;
	OK(store_run_add(store, &r, &err));
	r.account_id = ann;
	OK(store_begin(store, &err));
	for (r.started_ms = 1; r.started_ms <= 1003; r.started_ms++)
		OK(store_run_add(store, &r, &err));
	OK(store_commit(store, &err));
	OK(store_run_list(store, ann, 0, &list, &err));
	assert_int_equal(list.count, 1000);
	assert_int_equal(list.items[0].started_ms, 1003);
	assert_int_equal(list.items[999].started_ms, 4);
	run_list_release(&list);
	OK(store_run_list(store, bob, 0, &list, &err));
	assert_int_equal(list.count, 1);
	run_list_release(&list);
}

/* --- views ------------------------------------------------------------------------------- */

static void test_store_view__calendar_event_shows_what_is_listed(void **state)
{
	int64_t calendar = add_calendar_in(add_account("work"), "team@group", "Europe/Berlin");
	AUTO(json_object_put)
	struct json_object *local =
		json_of("{\"summary\": \"Draft\", \"start\": {\"date\": \"2026-01-15\"},"
			" \"end\": {\"date\": \"2026-01-17\"}}");
	struct event e = {.calendar_id = calendar,
			  .id = (char *)"local1",
			  .resource = local,
			  .sync_status = SYNC_ERROR,
			  .last_error = (char *)"Google said no",
			  .changed_ms = 1768471200999};
	AUTO(stmt_done) struct stmt *st = NULL;

	(void)state;
	add_event(calendar, "google1",
		  "{\"summary\": \"Lunch\", \"description\": \"d\", \"location\": \"l\","
		  " \"status\": \"tentative\", \"iCalUID\": \"u@google.com\","
		  " \"updated\": \"2026-01-01T10:00:00.500Z\","
		  " \"start\": {\"dateTime\": \"2026-01-15T10:00:00+01:00\"},"
		  " \"end\": {\"dateTime\": \"2026-01-15T11:30:00+01:00\"}}");
	OK(store_event_put(store, &e, &err));
	add_outbox(e.rowid, PENDING_CREATE);
	add_event(calendar, "gone1", "{\"status\": \"cancelled\", \"recurringEventId\": \"x\"}");
	e = (struct event){.calendar_id = calendar,
			   .id = (char *)"hidden1",
			   .resource = local,
			   .hidden = true};
	OK(store_event_put(store, &e, &err));

	OK(db_prepare(store->db,
		      "SELECT title, description, location, startTime, endTime, allDay, status,"
		      " syncStatus, lastSyncError, googleEventId, recurringEventId, isSeries,"
		      " iCalUID, pendingOp, calendarId, calendar, account, userId, updatedAt"
		      " FROM \"CalendarEvent\" WHERE id = 'google1'",
		      &st, &err));
	assert_int_equal(stmt_step(st, &err), 1);
	assert_string_equal(col_text(st, 0), "Lunch");
	assert_string_equal(col_text(st, 1), "d");
	assert_string_equal(col_text(st, 2), "l");
	assert_string_equal(col_text(st, 3), "2026-01-15T09:00:00Z");
	assert_string_equal(col_text(st, 4), "2026-01-15T10:30:00Z");
	assert_int_equal(col_int(st, 5), 0);
	assert_string_equal(col_text(st, 6), "tentative");
	assert_string_equal(col_text(st, 7), "synced");
	assert_true(col_is_null(st, 8));
	assert_string_equal(col_text(st, 9), "google1");
	assert_true(col_is_null(st, 10));
	assert_int_equal(col_int(st, 11), 0);
	assert_string_equal(col_text(st, 12), "u@google.com");
	assert_true(col_is_null(st, 13));
	assert_string_equal(col_text(st, 14), "team@group");
	assert_string_equal(col_text(st, 15), "team@group");
	assert_string_equal(col_text(st, 16), "work");
	assert_int_equal(col_int(st, 17), 1);
	assert_string_equal(col_text(st, 18), "2026-01-01T10:00:00Z");

	assert_sql("SELECT startTime || ' ' || endTime || ' ' || allDay FROM \"CalendarEvent\""
		   " WHERE id = 'local1'",
		   "2026-01-15 2026-01-17 1");
	assert_sql("SELECT googleEventId FROM CalendarEvent WHERE id = 'local1'", "(null)");
	assert_sql("SELECT syncStatus || ': ' || lastSyncError || ', ' || pendingOp || ' ' ||"
		   " status || ' ' || updatedAt FROM CalendarEvent WHERE id = 'local1'",
		   "error: Google said no, create confirmed 2026-01-15T10:00:00Z");
	assert_sql("SELECT group_concat(id) FROM (SELECT id FROM CalendarEvent ORDER BY id)",
		   "google1,local1");
}

static void test_store_view__user_has_the_columns_of_the_contract(void **state)
{
	struct account a = {.name = (char *)"work",
			    .email = (char *)"ann@example.com",
			    .state = ACCOUNT_REAUTH_REQUIRED,
			    .last_error = (char *)"expired"};

	(void)state;
	OK(store_account_add(store, &a, &err));
	assert_sql("SELECT id || ' ' || email || ' ' || name || ' ' || state || ' ' ||"
		   " lastSyncError FROM \"User\"",
		   "1 ann@example.com work reauth_required expired");
	assert_sql("SELECT lastSyncAt FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookChannelId FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookResourceId FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookExpiration FROM \"User\"", "(null)");
	a.last_sync_ms = 1768471200999;
	OK(store_account_update(store, &a, &err));
	assert_sql("SELECT lastSyncAt FROM \"User\"", "2026-01-15T10:00:00Z");
}

/* Derived columns follow every kind of write. */
static void test_store_view__times_follow_the_resource_and_the_zone(void **state)
{
	int64_t account = add_account("work");
	int64_t calendar = add_calendar_in(account, "c", "Europe/Berlin");
	AUTO(json_object_put)
	struct json_object *timed =
		json_of("{\"start\": {\"dateTime\": \"2026-07-01T12:00:00\","
			" \"timeZone\": \"Asia/Tokyo\"}, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}");
	AUTO(json_object_put)
	struct json_object *floating =
		json_of("{\"start\": {\"dateTime\": \"2026-07-01T12:00:00\"}}");
	AUTO(json_object_put) struct json_object *none = json_of("{}");
	struct event e = {.calendar_id = calendar, .id = (char *)"one", .resource = timed};
	struct calendar c = {.account_id = account,
			     .google_id = (char *)"c",
			     .time_zone = (char *)"America/New_York"};
	bool changed;

	(void)state;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime || ' ' || endTime || ' ' || isSeries FROM CalendarEvent",
		   "2026-07-01T03:00:00Z 2026-07-01T03:00:00Z 1");
	e.resource = floating;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime || ' ' || isSeries FROM CalendarEvent",
		   "2026-07-01T10:00:00Z 0");
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_sql("SELECT startTime FROM CalendarEvent", "2026-07-01T16:00:00Z");
	e.resource = none;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime FROM CalendarEvent", "(null)");
	assert_sql("SELECT title FROM CalendarEvent", "(null)");
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_account__every_field_comes_back),
	T(test_store_account__a_name_is_taken_once),
	T(test_store_account__removing_one_leaves_nothing_of_it),
	T(test_store_secret__bytes_come_back_by_account_and_field),
	T(test_store_calendar__every_field_comes_back),
	T(test_store_calendar__an_upsert_writes_only_what_differs),
	T(test_store_calendar__an_unchanged_one_takes_no_lock),
	T(test_store_calendar__lists_are_by_account_primary_and_title),
	T(test_store_calendar__a_damaged_one_is_named),
	T(test_store_outbox__every_field_comes_back),
	T(test_store_outbox__an_events_pending_op_is_its_entry),
	T(test_store_outbox__lists_are_oldest_first_and_by_what_is_due),
	T(test_store_run__every_field_comes_back_newest_first),
	T(test_store_run__the_last_thousand_of_each_account_are_kept),
	T(test_store_view__calendar_event_shows_what_is_listed),
	T(test_store_view__user_has_the_columns_of_the_contract),
	T(test_store_view__times_follow_the_resource_and_the_zone),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_tables", tests, NULL, NULL);
}
