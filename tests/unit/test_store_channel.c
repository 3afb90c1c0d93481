/* Push channels, whether a calendar is to have one, what the view "User" shows; schema 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/channel.h"

#include "store/schema.h"
#include "store_fixture.h"

static void add_channel(int64_t calendar, const char *id, int64_t created_ms)
{
	struct channel c = {.id = (char *)id,
			    .calendar_id = calendar,
			    .address = (char *)"https://example.org/hook",
			    .created_ms = created_ms};

	OK(store_channel_add(store, &c, &err));
}

static void activate(int64_t calendar, const char *id, int64_t expiration_ms)
{
	struct channel c = {.id = (char *)id, .calendar_id = calendar};

	OK(store_channel_activate(store, &c, "resource", expiration_ms, &err));
}

/* "ID STATE, ..." of an account. */
static void assert_channels(int64_t account, const char *want)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	AUTO(channel_list_release) struct channel_list list = {0};

	OK(store_channel_list(store, account, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		strbuf_addf(&got, "%s%s %s", i ? ", " : "", list.items[i].id,
			    channel_state_name(list.items[i].state));
	assert_string_equal(got.buf, want);
}

static void test_store_channel__comes_back_whole(void **state)
{
	int64_t account = add_account("ann");
	int64_t calendar = add_calendar_in(account, "c", "UTC");
	AUTO(channel_list_release) struct channel_list list = {0};
	AUTO(channel_list_release) struct channel_list after = {0};

	(void)state;
	add_channel(calendar, "one", 1000);
	reopen();
	OK(store_channel_list(store, account, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].id, "one");
	assert_int_equal(list.items[0].calendar_id, calendar);
	assert_string_equal(list.items[0].address, "https://example.org/hook");
	assert_int_equal(list.items[0].state, CHANNEL_NEW);
	assert_null(list.items[0].resource_id);
	assert_int_equal(list.items[0].expiration_ms, 0);
	assert_int_equal(channel_end_ms(&list.items[0]), 1000 + 604800 * 1000LL);
	assert_int_equal(list.items[0].created_ms, 1000);
	assert_int_equal(list.items[0].attempts, 0);
	assert_null(list.items[0].last_error);

	activate(calendar, "one", 7000);
	OK(store_channel_stopping(store, "one", NULL, &err));
	OK(store_channel_stop_failed(store, "one", "no network", &err));
	OK(store_channel_stop_failed(store, "one", "still none", &err));
	OK(store_channel_list(store, 0, &after, &err));
	assert_int_equal(after.items[0].state, CHANNEL_STOPPING);
	assert_string_equal(after.items[0].resource_id, "resource");
	assert_int_equal(channel_end_ms(&after.items[0]), 7000);
	assert_int_equal(after.items[0].attempts, 2);
	assert_string_equal(after.items[0].last_error, "still none");
	OK(store_channel_remove(store, "one", &err));
	OK(store_channel_remove(store, "one", &err));
	assert_channels(account, "");
}

/* In one step: there is never a calendar whose old channel is given up before it has a new one. */
static void test_store_channel__a_new_one_takes_the_place_of_the_old(void **state)
{
	int64_t account = add_account("ann");
	int64_t calendar = add_calendar_in(account, "c", "UTC");
	int64_t other = add_calendar_in(account, "d", "UTC");

	(void)state;
	add_channel(calendar, "lost", 1);
	add_channel(calendar, "old", 2);
	add_channel(other, "other", 3);
	activate(calendar, "old", 7000);
	activate(other, "other", 7000);
	add_channel(calendar, "young", 4);
	assert_channels(account, "lost new, old active, young new, other active");
	activate(calendar, "young", 8000);
	assert_channels(account, "lost new, old stopping, young active, other active");
	/* What a message told. */
	OK(store_channel_stopping(store, "lost", "told", &err));
	assert_int_equal(count("SELECT count(*) FROM channel WHERE resource_id = 'told'"
			       " AND state = 'stopping'"),
			 1);
	FAILS(ERR_STORE, store_channel_add(store,
					   &(struct channel){.id = (char *)"old",
							     .calendar_id = other,
							     .address = (char *)"x"},
					   &err));
}

static void test_store_channel__go_with_their_calendar_and_account(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");

	(void)state;
	add_channel(add_calendar_in(ann, "a", "UTC"), "of ann", 1);
	add_channel(add_calendar_in(bob, "b", "UTC"), "of bob", 1);
	assert_channels(ann, "of ann new");
	assert_channels(bob, "of bob new");
	OK(store_account_remove(store, ann, &err));
	assert_channels(0, "of bob new");
}

static void test_store_calendar__push_is_kept_whatever_google_says_of_it(void **state)
{
	int64_t account = add_account("ann");
	int64_t calendar = add_calendar_in(account, "c", "UTC");
	struct calendar described = {.account_id = account,
				     .google_id = (char *)"c",
				     .summary = (char *)"another title",
				     .selected = true};
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(calendar_release) struct calendar after = {0};
	bool changed;

	(void)state;
	OK(store_calendar_get(store, calendar, &c, &err));
	assert_int_equal(c.push, PUSH_OFF);
	OK(store_calendar_set_push(store, calendar, PUSH_UNSUPPORTED, &err));
	OK(store_calendar_set_push(store, calendar, PUSH_ON, &err));
	OK(store_calendar_upsert(store, &described, &changed, &err));
	OK(store_calendar_get(store, calendar, &after, &err));
	assert_int_equal(after.push, PUSH_ON);
}

/* "ID RESOURCE EXPIRATION" of the only user. */
static char *webhook_of_user(void)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	OK(db_prepare(store->db,
		      "SELECT calendarWebhookChannelId || ' ' || calendarWebhookResourceId || ' '"
		      " || coalesce(calendarWebhookExpiration, 'unknown') FROM \"User\"",
		      &st, &err));
	assert_int_equal(stmt_step(st, &err), 1);
	return col_is_null(st, 0) ? xstrdup("none") : col_dup(st, 0);
}

#define assert_webhook(want)                       \
	do {                                       \
		char *got_ = webhook_of_user();    \
		assert_string_equal(got_, (want)); \
		free(got_);                        \
	} while (0)

static void test_store_view__user_shows_the_channel_of_the_primary_calendar(void **state)
{
	int64_t account = add_account("ann");
	int64_t team = add_calendar_in(account, "team", "UTC");
	int64_t primary = add_calendar_in(account, "ann", "UTC");
	struct calendar c = {.account_id = account,
			     .google_id = (char *)"ann",
			     .summary = (char *)"ann",
			     .access_role = (char *)"owner",
			     .primary = true};
	bool changed;

	(void)state;
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_webhook("none");
	add_channel(team, "team-1", 1);
	assert_webhook("none");
	activate(team, "team-1", 1768471200999);
	assert_webhook("team-1 resource 2026-01-15T10:00:00Z");
	add_channel(primary, "ann-1", 2);
	activate(primary, "ann-1", 0);
	assert_webhook("ann-1 resource unknown");
	add_channel(primary, "ann-2", 3);
	assert_webhook("ann-1 resource unknown");
	activate(primary, "ann-2", 1768471201000);
	assert_webhook("ann-2 resource 2026-01-15T10:00:01Z");
	OK(store_channel_stopping(store, "ann-2", NULL, &err));
	assert_webhook("team-1 resource 2026-01-15T10:00:00Z");
	assert_int_equal(count("SELECT count(*) FROM \"User\""), 1);
}

static void test_store__a_database_of_schema_2_is_brought_up_to_date(void **state)
{
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(event_release) struct event e = {0};
	struct sync_request r = {0};
	bool found;

	(void)state;
	load_old("tests/data/store/schema-2.sql");
	OK(store_open(db_file, 0, &store, &err));
	assert_int_equal(count("PRAGMA user_version"), schema_version());
	assert_int_equal(count("SELECT count(*) FROM pragma_integrity_check"
			       " WHERE integrity_check = 'ok'"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	OK(store_calendar_get(store, 1, &c, &err));
	assert_string_equal(c.sync_token, "token");
	assert_int_equal(c.push, PUSH_OFF);
	OK(store_event_get(store, 1, "edited", &e, &found, &err));
	assert_true(found);
	assert_int_equal(e.pending, PENDING_UPDATE);
	OK(store_request_get(store, 1, &r, &found, &err));
	assert_true(found);
	assert_string_equal(r.last_error, "no network");
	sync_request_release(&r);
	assert_webhook("none");
	add_channel(1, "one", 5);
	activate(1, "one", 1768471200000);
	assert_webhook("one resource 2026-01-15T10:00:00Z");
	assert_int_equal(count("SELECT count(*) FROM \"User\" WHERE name = 'me'"
			       " AND email = 'me@example.com' AND \"lastSyncAt\" IS NOT NULL"),
			 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_STORE(test_store_channel__comes_back_whole),
		IN_STORE(test_store_channel__a_new_one_takes_the_place_of_the_old),
		IN_STORE(test_store_channel__go_with_their_calendar_and_account),
		IN_STORE(test_store_calendar__push_is_kept_whatever_google_says_of_it),
		IN_STORE(test_store_view__user_shows_the_channel_of_the_primary_calendar),
		IN_FOLDER(test_store__a_database_of_schema_2_is_brought_up_to_date),
	};

	return cmocka_run_group_tests_name("store_channel", tests, NULL, NULL);
}
