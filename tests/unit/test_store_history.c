/* The log of versions, commands, conflicts, requests to sync, progress of a pull; schema 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"

#include "base/strbuf.h"
#include "store/schema.h"

#include "base/banned.h"

static void log_version(int64_t calendar, const char *id, enum history_op op, int64_t at,
			int64_t command, const char *text)
{
	AUTO(json_object_put) struct json_object *version = text ? json_of(text) : NULL;
	const struct history h = {.calendar_id = calendar,
				  .event_id = (char *)id,
				  .op = op,
				  .origin = (char *)"local",
				  .at_ms = at,
				  .command_id = command,
				  .resource = version};

	OK(store_history_add(store, &h, &err));
}

static void put_in_conflict(int64_t row)
{
	struct outbox op = {.event_rowid = row, .op = PENDING_UPDATE, .state = OUTBOX_CONFLICT};

	OK(store_outbox_put(store, &op, &err));
}

static void test_store_history__versions_outlive_their_event(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "one", "{}");
	AUTO(history_release) struct history h = {0};
	struct history bad = {
		.calendar_id = calendar, .event_id = (char *)"one", .origin = (char *)"nobody"};
	bool found;

	(void)state;
	log_version(calendar, "one", HISTORY_UPDATE, 1700000000001, 0, "{\"summary\":\"old\"}");
	OK(store_event_delete(store, row, &err));
	OK(store_history_get(store, 1, &h, &found, &err));
	assert_true(found);
	assert_string_equal(h.event_id, "one");
	assert_string_equal(h.origin, "local");
	assert_int_equal(h.op, HISTORY_UPDATE);
	assert_int_equal(h.at_ms, 1700000000001);
	assert_int_equal(h.command_id, 0);
	assert_string_equal(json_str(h.resource, "summary"), "old");
	assert_string_equal(h.account, "ann@example.com");
	OK(store_history_get(store, 2, &bad, &found, &err));
	assert_false(found);
	FAILS(ERR_STORE, store_history_add(store, &bad, &err));
}

static size_t listed(const struct history_query *q, int64_t *out_first)
{
	AUTO(history_list_release) struct history_list list = {0};

	OK(store_history_list(store, q, &list, &err));
	*out_first = list.count ? list.items[0].id : 0;
	return list.count;
}

static void test_store_history__lists_by_what_is_asked(void **state)
{
	int64_t calendar = add_calendar(), first, last;
	int64_t command;

	(void)state;
	OK(store_command_add(store, "event edit", 5, &command, &err));
	log_version(calendar, "a", HISTORY_CREATE, 1, 0, NULL);
	log_version(calendar, "a", HISTORY_KEPT, 2, 0, "{}");
	log_version(calendar, "b", HISTORY_UPDATE, 3, command, "{}");
	log_version(calendar, "a", HISTORY_DELETE, 4, command, "{}");
	assert_int_equal(listed(&(struct history_query){0}, &first), 4);
	assert_int_equal(first, 1);
	assert_int_equal(listed(&(struct history_query){.newest_first = true, .limit = 2}, &first),
			 2);
	assert_int_equal(first, 4);
	assert_int_equal(listed(&(struct history_query){.changes = true, .after = 1}, &first), 2);
	assert_int_equal(first, 3);
	assert_int_equal(listed(&(struct history_query){.event_id = "a"}, &first), 3);
	assert_int_equal(listed(&(struct history_query){.command_id = command}, &first), 2);
	assert_int_equal(listed(&(struct history_query){.account_id = 99}, &first), 0);
	assert_int_equal(listed(&(struct history_query){.calendar_id = calendar}, &first), 4);
	OK(store_history_range(store, &first, &last, &err));
	assert_int_equal(first, 1);
	assert_int_equal(last, 4);
}

static void test_store_history__old_versions_are_forgotten_waiting_conflicts_are_not(void **state)
{
	int64_t calendar = add_calendar(), first, last;
	int64_t old, young, floor;
	int64_t row = add_event(calendar, "a", "{}");
	struct conflict waits = {.event_rowid = row,
				 .calendar_id = calendar,
				 .event_id = (char *)"a",
				 .policy = (char *)"manual",
				 .at_ms = 1};
	struct conflict decided = {.calendar_id = calendar,
				   .event_id = (char *)"a",
				   .state = CONFLICT_DECIDED,
				   .policy = (char *)"merge",
				   .taken = (char *)"local",
				   .at_ms = 1};

	(void)state;
	OK(store_command_add(store, "event rm", 1, &old, &err));
	OK(store_command_add(store, "event rm", 10, &young, &err));
	log_version(calendar, "a", HISTORY_UPDATE, 1, old, "{}");
	log_version(calendar, "a", HISTORY_DELETE, 10, young, "{}");
	OK(store_conflict_put(store, &waits, &err));
	put_in_conflict(row);
	OK(store_conflict_put(store, &decided, &err));
	OK(store_history_floor(store, &floor, &err));
	assert_int_equal(floor, 0);
	OK(store_history_prune(store, 10, &err));
	OK(store_history_floor(store, &floor, &err));
	assert_int_equal(floor, 1);
	OK(store_history_range(store, &first, &last, &err));
	assert_int_equal(first, 2);
	assert_int_equal(last, 2);
	assert_int_equal(count("SELECT count(*) FROM command"), 1);
	assert_int_equal(count("SELECT count(*) FROM conflict"), 1);
	assert_int_equal(count("SELECT conflict_id FROM conflict"), waits.id);
	OK(store_history_prune(store, 11, &err));
	OK(store_history_range(store, &first, &last, &err));
	assert_int_equal(first, 0);
	OK(store_history_floor(store, &floor, &err));
	assert_int_equal(floor, 2);
	assert_int_equal(last, 2); /* a feed's reader can tell that it missed something */
}

static void test_store_history__names_of_what_is_and_was(void **state)
{
	int64_t calendar = add_calendar();
	AUTO(event_name_list_release) struct event_name_list l = {0};
	AUTO(event_name_list_release) struct event_name_list none = {0};

	(void)state;
	add_event(calendar, "abcd1", "{}");
	add_event(calendar, "abce", "{}");
	log_version(calendar, "abcd1", HISTORY_UPDATE, 1, 0, "{}");
	log_version(calendar, "abcd2", HISTORY_DELETE, 2, 0, "{}");
	log_version(calendar, "abcd2", HISTORY_CREATE, 3, 0, NULL);
	OK(store_event_names(store, 0, "abcd", 10, &l, &err));
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].id, "abcd1");
	assert_string_equal(l.items[1].id, "abcd2");
	assert_string_equal(l.items[0].account, "ann@example.com");
	OK(store_event_names(store, 99, "abcd", 10, &none, &err));
	assert_int_equal(none.count, 0);
}

static void test_store_command__the_last_one_that_did_something(void **state)
{
	int64_t calendar = add_calendar();
	int64_t one, two, idle;
	AUTO(command_release) struct command c = {0};
	AUTO(command_release) struct command before = {0};
	bool found;

	(void)state;
	OK(store_command_last(store, 0, &c, &found, &err));
	assert_false(found);
	OK(store_command_add(store, "event add", 1, &one, &err));
	OK(store_command_add(store, "event edit", 2, &two, &err));
	OK(store_command_add(store, "event edit", 3, &idle, &err));
	log_version(calendar, "a", HISTORY_CREATE, 1, one, NULL);
	log_version(calendar, "a", HISTORY_UPDATE, 2, two, "{}");
	OK(store_command_last(store, 0, &c, &found, &err));
	assert_true(found);
	assert_int_equal(c.id, two);
	assert_string_equal(c.name, "event edit");
	OK(store_command_set_undone(store, two, 9, &err));
	OK(store_command_last(store, 0, &before, &found, &err));
	assert_true(found);
	assert_int_equal(before.id, one);
	OK(store_command_drop_unused(store, one, &err));
	OK(store_command_drop_unused(store, idle, &err));
	assert_int_equal(count("SELECT count(*) FROM command"), 2);
	assert_int_equal(count("SELECT count(*) FROM command WHERE command_id = 3"), 0);
}

/* A record waits as long as the event's entry says so: it cannot be left behind. */
static void test_store_conflict__waits_with_its_event(void **state)
{
	int64_t calendar = add_calendar(), n;
	int64_t other = add_calendar_in(add_account("bob"), "bob", "UTC");
	int64_t row = add_event(calendar, "a", "{}");
	struct conflict c = {.event_rowid = row,
			     .calendar_id = calendar,
			     .event_id = (char *)"a",
			     .policy = (char *)"manual",
			     .at_ms = 7};
	AUTO(event_release) struct event e = {0};
	AUTO(conflict_release) struct conflict moved = {0};
	AUTO(conflict_release) struct conflict over = {0};
	bool found;

	(void)state;
	OK(store_conflict_put(store, &c, &err));
	OK(store_conflict_count(store, 0, &n, &err));
	assert_int_equal(n, 0);
	put_in_conflict(row);
	OK(store_conflict_count(store, 0, &n, &err));
	assert_int_equal(n, 1);
	/* Under another id, in another calendar: the same event. */
	OK(store_event_get_row(store, row, &e, &err));
	xstr_set(&e.id, "renamed");
	e.calendar_id = other;
	OK(store_event_put(store, &e, &err));
	OK(store_conflict_waiting(store, row, &moved, &found, &err));
	assert_true(found);
	assert_string_equal(moved.event_id, "renamed");
	assert_int_equal(moved.calendar_id, other);
	assert_string_equal(moved.account, "bob");
	OK(store_event_delete(store, row, &err));
	OK(store_conflict_count(store, 0, &n, &err));
	assert_int_equal(n, 0);
	OK(store_conflict_get(store, c.id, &over, &found, &err));
	assert_true(found);
	assert_int_equal(over.state, CONFLICT_RESOLVED);
	assert_null(over.taken);
	OK(store_history_prune(store, 8, &err));
	assert_int_equal(count("SELECT count(*) FROM conflict"), 0);
}

static void test_store_conflict__comes_back_whole_and_is_found(void **state)
{
	int64_t calendar = add_calendar(), n;
	AUTO(json_object_put) struct json_object *fields = json_of("[\"summary\"]");
	AUTO(json_object_put) struct json_object *base = json_of("{\"summary\":\"b\"}");
	AUTO(json_object_put) struct json_object *local = json_of("{\"summary\":\"l\"}");
	int64_t row = add_event(calendar, "a", "{}");
	struct conflict c = {.event_rowid = row,
			     .calendar_id = calendar,
			     .event_id = (char *)"a",
			     .policy = (char *)"manual",
			     .at_ms = 7,
			     .fields = fields,
			     .base = base,
			     .local = local};
	AUTO(conflict_release) struct conflict got = {0};
	AUTO(conflict_release) struct conflict gone = {0};
	AUTO(conflict_list_release) struct conflict_list list = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;
	bool found;

	(void)state;
	OK(store_conflict_put(store, &c, &err));
	put_in_conflict(row);
	OK(store_conflict_waiting(store, row, &got, &found, &err));
	assert_true(found);
	assert_int_equal(got.id, c.id);
	assert_string_equal(got.policy, "manual");
	assert_null(got.taken);
	assert_null(got.remote);
	assert_int_equal(got.at_ms, 7);
	assert_string_equal(json_text(got.fields), "[\"summary\"]");
	assert_string_equal(json_str(got.base, "summary"), "b");
	assert_string_equal(json_str(got.local, "summary"), "l");
	assert_string_equal(got.account, "ann@example.com");
	OK(store_conflict_count(store, 0, &n, &err));
	assert_int_equal(n, 1);
	c.state = CONFLICT_RESOLVED;
	c.taken = (char *)"local";
	c.resolved_ms = 8;
	OK(store_conflict_put(store, &c, &err));
	OK(store_conflict_waiting(store, row, &gone, &found, &err));
	assert_false(found);
	q.state = CONFLICT_RESOLVED;
	q.event_id = "a";
	OK(store_conflict_list(store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].taken, "local");
	assert_int_equal(list.items[0].resolved_ms, 8);
	c.policy = (char *)"whim";
	FAILS(ERR_STORE, store_conflict_put(store, &c, &err));
}

static struct sync_request_list requests(int64_t due_ms)
{
	struct sync_request_list list = {0};

	OK(store_request_list(store, 0, due_ms, &list, &err));
	return list;
}

static void test_store_request__one_a_calendar_and_none_is_lost(void **state)
{
	int64_t calendar = add_calendar();
	struct sync_request_list list;
	int64_t ticket;

	(void)state;
	OK(store_request_add(store, calendar, "notification", 1000, &err));
	list = requests(-1);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].account, "ann@example.com");
	assert_string_equal(list.items[0].reason, "notification");
	assert_int_equal(list.items[0].requested_ms, 1000);
	ticket = list.items[0].ticket;
	sync_request_list_release(&list);
	/* Asked again while it is being served: serving it does not end that. */
	OK(store_request_add(store, calendar, "notification", 1000, &err));
	OK(store_request_done(store, calendar, ticket, &err));
	list = requests(-1);
	assert_int_equal(list.count, 1);
	assert_true(list.items[0].ticket > ticket);
	ticket = list.items[0].ticket;
	sync_request_list_release(&list);
	OK(store_request_failed(store, calendar, 5000, "no network", &err));
	list = requests(4999);
	assert_int_equal(list.count, 0);
	sync_request_list_release(&list);
	list = requests(5000);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].attempts, 1);
	assert_string_equal(list.items[0].last_error, "no network");
	sync_request_list_release(&list);
	OK(store_request_done(store, calendar, ticket, &err));
	list = requests(-1);
	assert_int_equal(list.count, 0);
	sync_request_list_release(&list);
	/* A new one later is not the old one. */
	OK(store_request_add(store, calendar, "notification", 2000, &err));
	OK(store_request_done(store, calendar, ticket, &err));
	list = requests(-1);
	assert_int_equal(list.count, 1);
	sync_request_list_release(&list);
	OK(store_request_drop(store, calendar, &err));
	assert_int_equal(count("SELECT count(*) FROM sync_request"), 0);
}

static void test_store_calendar__progress_of_a_pull_comes_and_goes(void **state)
{
	int64_t calendar = add_calendar();
	struct pull_progress p = {.page_token = (char *)"next",
				  .generation = 7,
				  .seen = 3,
				  .holes = true,
				  .at_ms = 9};
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(calendar_release) struct calendar after = {0};

	(void)state;
	OK(store_calendar_set_progress(store, calendar, &p, &err));
	OK(store_calendar_get(store, calendar, &c, &err));
	assert_string_equal(c.progress.page_token, "next");
	assert_int_equal(c.progress.generation, 7);
	assert_int_equal(c.progress.seen, 3);
	assert_true(c.progress.holes);
	assert_int_equal(c.progress.at_ms, 9);
	OK(store_calendar_set_progress(store, calendar, NULL, &err));
	OK(store_calendar_get(store, calendar, &after, &err));
	assert_null(after.progress.page_token);
	assert_int_equal(after.progress.generation, 0);
}

/* --- an older database ------------------------------------------------------------------- */

static void test_store__a_database_of_schema_1_is_brought_up_to_date(void **state)
{
	AUTO(event_release) struct event e = {0};
	AUTO(outbox_release) struct outbox o = {0};
	AUTO(history_release) struct history h = {0};
	AUTO(calendar_release) struct calendar c = {0};
	bool found;

	(void)state;
	load_old("tests/data/store/schema-1.sql");
	OK(store_open(db_file, 0, &store, &err));
	assert_int_equal(count("PRAGMA user_version"), schema_version());
	assert_int_equal(count("SELECT count(*) FROM pragma_integrity_check"
			       " WHERE integrity_check = 'ok'"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	OK(store_event_get(store, 1, "edited", &e, &found, &err));
	assert_true(found);
	assert_int_equal(e.rowid, 4);
	assert_int_equal(e.pending, PENDING_UPDATE);
	assert_string_equal(json_str(e.base, "summary"), "Old");
	OK(store_outbox_get(store, 4, &o, &found, &err));
	assert_true(found);
	assert_int_equal(o.id, 3);
	assert_int_equal(o.state, OUTBOX_HELD);
	assert_int_equal(o.attempts, 2);
	assert_int_equal(o.not_before_ms, 11);
	assert_string_equal(o.send_updates, "all");
	assert_string_equal(o.last_error, "no network");
	assert_int_equal(o.move_from, 0);
	OK(store_history_get(store, 5, &h, &found, &err));
	assert_true(found);
	assert_int_equal(h.op, HISTORY_UPDATE);
	OK(store_calendar_get(store, 1, &c, &err));
	assert_string_equal(c.sync_token, "token");
	assert_null(c.progress.page_token);
	assert_int_equal(
		count("SELECT count(*) FROM \"CalendarEvent\" WHERE \"pendingOp\" = 'update'"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
		T(test_store_history__versions_outlive_their_event),
		T(test_store_history__lists_by_what_is_asked),
		T(test_store_history__old_versions_are_forgotten_waiting_conflicts_are_not),
		T(test_store_history__names_of_what_is_and_was),
		T(test_store_command__the_last_one_that_did_something),
		T(test_store_conflict__comes_back_whole_and_is_found),
		T(test_store_conflict__waits_with_its_event),
		T(test_store_request__one_a_calendar_and_none_is_lost),
		T(test_store_calendar__progress_of_a_pull_comes_and_goes),
		cmocka_unit_test_setup_teardown(
			test_store__a_database_of_schema_1_is_brought_up_to_date, fixture_folder,
			fixture_end),
	};

	return cmocka_run_group_tests_name("store_history", tests, NULL, NULL);
}
