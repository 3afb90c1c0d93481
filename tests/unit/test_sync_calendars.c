/* Calendars that are deselected, vanish, come back, change their role or their zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#define ME "user1@example.com"

static void set_role(struct world *w, const char *role)
{
	AUTO(free)
	char *body =
		xasprintf("{\"account\":\"" ME "\",\"id\":\"" ME "\",\"accessRole\":\"%s\"}", role);

	control(w, "POST", "/sandbox/calendars", body);
}

static void read_row(struct world *w, const char *id, struct event *out)
{
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, out, &found, &err));
	assert_true(found);
}

static void assert_title(struct world *w, const char *id, const char *title)
{
	AUTO(event_release) struct event e = {0};

	read_row(w, id, &e);
	assert_string_equal(json_str(e.resource, "summary"), title);
}

static int64_t waiting(struct world *w)
{
	AUTO(outbox_list_release) struct outbox_list l = {0};

	OK(store_outbox_list(w->store, 0, 0, -1, 0, &l, &err));
	return (int64_t)l.count;
}

/* --- roles --------------------------------------------------------------------------------- */

static void test_role__edits_wait_while_it_is_reader(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *r = timed("b");
	struct local_options o = {0};
	struct event out;

	sync_ok(w);
	edit(w, row_of(w, id), "location", "mine");
	set_role(w, "reader");
	/* The first sync finds out: it says so, once. */
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_READ_ONLY);
	assert_int_equal(w->last.failed_events, 0);
	assert_int_equal(waiting(w), 1);
	read_row(w, id, &e);
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	/* From then on it waits without being tried. */
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/"), 0);
	assert_int_equal(waiting(w), 1);
	assert_int_equal(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &out, &err),
			 -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	/* And goes out in the run that learns that it may. */
	set_role(w, "owner");
	sync_ok(w);
	assert_equal_sides(w, 1);
}

/* Only times come: what was known stays, and follows them; nothing goes. */
static void test_role__free_busy_wipes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "secret plan");
	AUTO(free) char *gone = google_add(w, "goes");
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"],"
			  "\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":\"2026-02-03\"}}");
	AUTO(event_release) struct event e = {0};
	int64_t rows;

	sync_ok(w);
	rows = stored_rows(w);
	google_patch(w, a,
		     "{\"start\":{\"dateTime\":\"2026-02-09T10:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-02-09T11:00:00Z\"}}");
	set_role(w, "freeBusyReader");
	sync_ok(w);
	assert_int_equal(w->last.pulled.deleted, 0);
	assert_int_equal(stored_rows(w), rows);
	assert_title(w, a, "secret plan");
	assert_title(w, json_str(master, "id"), "daily");
	read_row(w, a, &e);
	assert_non_null(strstr(json_path_str(e.resource, "start/dateTime"), "2026-02-09"));
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.updated + w->last.pulled.deleted,
			 0);
	/* With the role back everything is as it is. */
	set_role(w, "owner");
	google_delete(w, gone);
	sync_ok(w);
	assert_equal_sides(w, 2);
}

static void test_role__free_busy_from_the_start(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "secret");
	AUTO(event_release) struct event e = {0};

	set_role(w, "freeBusyReader");
	sync_ok(w);
	assert_int_equal(w->last.pulled.created, 1);
	read_row(w, a, &e);
	assert_null(json_str(e.resource, "summary"));
	set_role(w, "reader");
	sync_ok(w);
	assert_title(w, a, "secret");
	assert_equal_sides(w, 1);
}

/* --- another user -------------------------------------------------------------------------- */

/* The login turns out to be another's: nothing of theirs comes in, and the account stays whose it
 * was. */
static void test_user__another_one_s_list_is_refused(void **state)
{
	struct world *w = *state;
	AUTO(account_release) struct account a = {0};
	AUTO(calendar_list_release) struct calendar_list before = {0}, after = {0};

	sync_ok(w);
	OK(store_calendar_list(w->store, w->account.id, &before, &err));
	OK(store_account_get(w->store, "me", &a, &err));
	xstr_set(&a.email, "someone@example.com");
	xstr_set(&a.list_sync_token, NULL);
	OK(store_account_update(w->store, &a, &err));
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_NOT_CONNECTED);
	assert_non_null(strstr(w->last.err.msg, ME));
	assert_non_null(strstr(w->last.err.msg, "calsync connect me --force"));
	account_release(&a);
	a = (struct account){0};
	OK(store_account_get(w->store, "me", &a, &err));
	assert_string_equal(a.email, "someone@example.com");
	assert_null(a.list_sync_token);
	OK(store_calendar_list(w->store, w->account.id, &after, &err));
	assert_int_equal(after.count, before.count);
}

/* --- gone and back ------------------------------------------------------------------------- */

static void add_team(struct world *w, struct calendar *out)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};

	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"" ME "\",\"id\":\"team@example.com\",\"summary\":\"Team\","
		"\"accessRole\":\"owner\"}");
	sync_ok(w);
	OK(store_calendar_list(w->store, w->account.id, &l, &err));
	assert_int_equal(l.count, 2);
	OK(store_calendar_set_selected(w->store, l.items[1].id, true, &err));
	OK(store_calendar_get(w->store, l.items[1].id, out, &err));
}

static void test_gone__keeps_its_events_and_edits_until_it_is_back(void **state)
{
	struct world *w = *state;
	AUTO(calendar_release) struct calendar team = {0};
	AUTO(calendar_release) struct calendar now = {0};
	AUTO(json_object_put) struct json_object *r = timed("ours");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	struct local_options o = {0};

	add_team(w, &team);
	OK(local_add(w->store, &w->clock.clock, team.id, r, &o, &e, &err));
	sync_ok(w);
	json_set_str(r, "summary", "edited");
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, e.rowid, r, &o, &out, &err));
	control(w, "DELETE", "/sandbox/calendars?id=team@example.com&account=" ME, NULL);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.pulled.deleted, 0);
	assert_int_equal(w->last.requests, 2); /* nothing is asked of it */
	OK(store_calendar_get(w->store, team.id, &now, &err));
	assert_true(now.gone && now.selected);
	assert_int_equal(stored_rows(w), 1);
	assert_int_equal(waiting(w), 1);
	calendar_release(&now);
	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"" ME "\",\"id\":\"team@example.com\",\"summary\":\"Team\","
		"\"accessRole\":\"owner\"}");
	sync_ok(w);
	OK(store_calendar_get(w->store, team.id, &now, &err));
	assert_false(now.gone);
	assert_non_null(now.sync_token);
	for (size_t i = 0; i < w->last.calendar_count; i++)
		if (!strcmp(w->last.calendars[i].calendar, "team@example.com"))
			assert_true(w->last.calendars[i].full);
	assert_int_equal(waiting(w), 0);
}

static void test_deselected__keeps_its_events_and_goes_on(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *stays = google_add(w, "stays");

	sync_ok(w);
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	google_patch(w, a, "{\"location\":\"there\"}");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events"), 0);
	assert_true(row_of(w, a) > 0);
	OK(store_calendar_set_selected(w->store, w->calendar.id, true, &err));
	sync_ok(w);
	assert_false(w->last.calendars[0].full); /* with the token that it had */
	assert_equal_sides(w, 2);
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	google_delete(w, a);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	OK(store_calendar_set_selected(w->store, w->calendar.id, true, &err));
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_equal_sides(w, 1);
	assert_true(row_of(w, stays) > 0);
}

/* --- the zone ------------------------------------------------------------------------------ */

static int64_t count_in(struct world *w, int64_t start, int64_t end)
{
	AUTO(event_list_release) struct event_list l = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.has_start = q.has_end = true;
	q.start_utc = start;
	q.end_utc = end;
	OK(store_event_list(w->store, &q, &l, &err));
	return (int64_t)l.count;
}

static void test_zone__all_day_events_move_with_it(void **state)
{
	struct world *w = *state;
	const int64_t day = 1770508800; /* 2026-02-08T00:00:00Z */

	json_object_put(at_google(w, "POST", "",
				  "{\"summary\":\"day\",\"start\":{\"date\":\"2026-02-08\"},"
				  "\"end\":{\"date\":\"2026-02-09\"}}"));
	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"" ME "\",\"id\":\"" ME "\",\"timeZone\":\"UTC\"}");
	sync_ok(w);
	assert_int_equal(count_in(w, day - 9 * 3600, day), 0);
	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"" ME "\",\"id\":\"" ME "\",\"timeZone\":\"Asia/Tokyo\"}");
	sync_ok(w);
	/* Midnight in Tokyo is nine hours before that of UTC. */
	assert_int_equal(count_in(w, day - 9 * 3600, day), 1);
	assert_int_equal(count_in(w, day + 15 * 3600, day + 24 * 3600), 0);
	assert_equal_sides(w, 1);
}

/* --- of a login that is not in the store yet ------------------------------------------------ */

static size_t calendars(struct world *w)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};

	OK(store_calendar_list(w->store, w->account.id, &l, &err));
	return l.count;
}

static void add_calendars(struct world *w, int count)
{
	for (int i = 0; i < count; i++) {
		AUTO(free)
		char *body = xasprintf("{\"account\":\"" ME "\",\"id\":\"c%d@example.com\"}", i);

		control(w, "POST", "/sandbox/calendars", body);
	}
}

static void test_list__is_fetched_whole_before_any_of_it_is_stored(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(json_object_put) struct json_object *pages = NULL;
	AUTO(google_free) struct google *g = NULL;
	struct google_options o = {.transport = &w->hooked.t,
				   .clock = &w->clock.clock,
				   .store = w->store,
				   .access_token = json_str(t, "access_token")};

	add_calendars(w, 255); /* more than a page */
	forget_log(w);
	OK(google_new(&w->account, &o, &g, &err));
	OK(sync_calendar_list_fetch(g, &pages, &err));
	assert_int_equal(requests(w, "GET", "/calendar/v3/users/me/calendarList"), 2);
	assert_int_equal(json_object_array_length(pages), 2);
	assert_int_equal(calendars(w), 1);
	OK(store_begin(w->store, &err));
	OK(sync_calendar_list_take(w->store, &w->account, pages, &err));
	store_rollback(w->store);
	assert_int_equal(calendars(w), 1);
	OK(store_begin(w->store, &err));
	OK(sync_calendar_list_take(w->store, &w->account, pages, &err));
	OK(store_commit(w->store, &err));
	assert_int_equal(calendars(w), 256);
	/* What it ends with is where the next sync goes on: it finds one more. */
	add_calendars(w, 256);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/calendar/v3/users/me/calendarList"), 1);
	assert_int_equal(calendars(w), 257);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_role__edits_wait_while_it_is_reader),
		TEST(test_role__free_busy_wipes_nothing),
		TEST(test_role__free_busy_from_the_start),
		TEST(test_user__another_one_s_list_is_refused),
		TEST(test_gone__keeps_its_events_and_edits_until_it_is_back),
		TEST(test_deselected__keeps_its_events_and_goes_on),
		TEST(test_zone__all_day_events_move_with_it),
		TEST(test_list__is_fetched_whole_before_any_of_it_is_stored),
	};

	return cmocka_run_group_tests_name("sync_calendars", tests, NULL, NULL);
}
