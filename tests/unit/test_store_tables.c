/* Accounts, secrets, calendars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store_fixture.h"

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
	static const char *const tables[] = {"account", "secret",   "calendar",
					     "event",   "outbox",   "history",
					     "run",     "conflict", "sync_request"};
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
		OK(store_history_add(store,
				     &(struct history){.calendar_id = calendar,
						       .event_id = (char *)"one",
						       .op = HISTORY_UPDATE,
						       .origin = (char *)"local",
						       .resource = old},
				     &err));
		OK(store_conflict_put(store,
				      &(struct conflict){.calendar_id = calendar,
							 .event_id = (char *)"one",
							 .policy = (char *)"merge"},
				      &err));
		OK(store_request_add(store, calendar, "notification", 1, &err));
		OK(store_run_add(store, &r, &err));
	}
	OK(store_account_remove(store, ids[1], &err));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		AUTO(free) char *sql = xasprintf("SELECT count(*) FROM %s", tables[i]);

		assert_int_equal(count(sql), 1);
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

static void test_store_secret__all_of_an_account_are_listed_whatever_their_names(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	AUTO(sealed_secret_list_release) struct sealed_secret_list l = {0};

	(void)state;
	OK(store_secret_list(store, ann, &l, &err));
	assert_int_equal(l.count, 0);
	OK(store_secret_put(store, ann, "refresh_token", "a\0b\xff", 4, &err));
	OK(store_secret_put(store, ann, "of a later version", "", 0, &err));
	OK(store_secret_put(store, bob, "access_token", "bob's", 5, &err));
	OK(store_secret_list(store, ann, &l, &err));
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].field, "of a later version");
	assert_int_equal(l.items[0].sealed.len, 0);
	assert_string_equal(l.items[1].field, "refresh_token");
	assert_int_equal(l.items[1].sealed.len, 4);
	assert_memory_equal(l.items[1].sealed.buf, "a\0b\xff", 4);
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

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_account__every_field_comes_back),
	T(test_store_account__a_name_is_taken_once),
	T(test_store_account__removing_one_leaves_nothing_of_it),
	T(test_store_secret__bytes_come_back_by_account_and_field),
	T(test_store_secret__all_of_an_account_are_listed_whatever_their_names),
	T(test_store_calendar__every_field_comes_back),
	T(test_store_calendar__an_upsert_writes_only_what_differs),
	T(test_store_calendar__an_unchanged_one_takes_no_lock),
	T(test_store_calendar__lists_are_by_account_primary_and_title),
	T(test_store_calendar__a_damaged_one_is_named),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_tables", tests, NULL, NULL);
}
