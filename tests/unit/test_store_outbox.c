/* What waits to be sent, and the record of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store_fixture.h"

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

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_outbox__every_field_comes_back),
	T(test_store_outbox__an_events_pending_op_is_its_entry),
	T(test_store_outbox__lists_are_oldest_first_and_by_what_is_due),
	T(test_store_run__every_field_comes_back_newest_first),
	T(test_store_run__the_last_thousand_of_each_account_are_kept),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_outbox", tests, NULL, NULL);
}
