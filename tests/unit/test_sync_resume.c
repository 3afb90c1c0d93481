/* Full pulls that are cut off between two pages go on with the next run, and sweep what is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/fault.h"
#include "sync_world.h"

#define EVENTS 10
#define PAGES  5 /* of two events each */

static const char cut_off[] = "{\"method\":\"GET\",\"match\":\"pageToken\",\"after\":%d,"
			      "\"times\":0,\"action\":\"drop_before\"}";

static void two_a_page(struct world *w)
{
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
}

static void fill(struct world *w, char *ids[EVENTS])
{
	for (size_t i = 0; i < EVENTS; i++)
		ids[i] = google_add(w, "x");
}

static void free_ids(char *ids[EVENTS])
{
	for (size_t i = 0; i < EVENTS; i++)
		free(ids[i]);
}

static void forget_sync_tokens(struct world *w)
{
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
}

/* A run that gets so many pages (1..) and then no answer any more. */
static void run_cut_off_after(struct world *w, int pages)
{
	AUTO(free) char *body = xasprintf(cut_off, pages - 1);

	fault(w, body);
	assert_int_equal(run_sync(w, NULL), 0);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_NETWORK);
	control(w, "DELETE", "/sandbox/faults", NULL);
	forget_log(w);
}

static void read_calendar(struct world *w, struct calendar *out)
{
	OK(store_calendar_get(w->store, w->calendar.id, out, &err));
}

static void assert_no_progress(struct world *w)
{
	AUTO(calendar_release) struct calendar c = {0};

	read_calendar(w, &c);
	assert_null(c.progress.page_token);
}

static int64_t lists(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *log = ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
	int64_t n = 0;

	for (size_t i = 0; i < json_object_array_length(log); i++) {
		struct json_object *r = json_object_array_get_idx(log, i);
		const char *path = json_str(r, "path");
		size_t len = strlen(path);

		n += !strcmp(json_str(r, "method"), "GET") && len > 7 &&
		     !strcmp(path + len - 7, "/events");
	}
	return n;
}

/* Everything that differs is dealt with, whichever page a run was cut off behind. */
static void test_resume__behind_each_page(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	sync_ok(w);
	two_a_page(w);
	for (int page = 1; page < PAGES; page++) {
		AUTO(free) char *gone = google_add(w, "gone");
		AUTO(calendar_release) struct calendar c = {0};

		sync_ok(w);
		google_delete(w, gone);
		google_patch(w, ids[page], "{\"location\":\"there\"}");
		forget_sync_tokens(w);
		run_cut_off_after(w, page);
		read_calendar(w, &c);
		assert_non_null(c.progress.page_token);
		assert_int_equal(c.progress.seen, 2 * page);
		assert_true(row_of(w, gone) > 0); /* not before the last page */
		sync_ok(w);
		assert_true(w->last.calendars[0].full);
		assert_int_equal(lists(w), PAGES - page);
		assert_equal_sides(w, EVENTS);
		assert_no_progress(w);
		sync_ok(w);
		assert_int_equal(w->last.requests, 2);
	}
	free_ids(ids);
}

/* Events that are older than the listing: nobody asks for them one by one before they are swept. */
static void test_resume__what_an_earlier_run_saw_is_not_swept(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	sync_ok(w);
	two_a_page(w);
	pass_time(w, 600 * 1000);
	forget_sync_tokens(w);
	run_cut_off_after(w, PAGES - 1);
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_int_equal(w->last.pulled.deleted, 0);
	assert_int_equal(w->last.requests, 2);
	assert_equal_sides(w, EVENTS);
	free_ids(ids);
}

/* A hook that lets the process die behind the nth commit: it holds, nothing after it does. */
struct death {
	struct fault_hook hook;
	const char *point;
	int left;
	bool dead;
};

static bool dies(struct fault_hook *hook, const char *point)
{
	struct death *d = (struct death *)hook;

	if (!d->dead && !strcmp(point, d->point))
		d->dead = --d->left <= 0;
	return d->dead;
}

static void reopen(struct world *w)
{
	AUTO(free) char *path = xstrdup(store_path(w->store));

	store_close(w->store);
	OK(store_open(path, 0, &w->store, &err));
	w->env.store = w->store;
}

/* Killed before and behind each transaction of a first pull: the runs after it finish it, and no
 * page that was stored is asked for again. */
static void test_resume__killed_at_each_commit(void **state)
{
	static const char *const points[] = {"store.commit", "store.committed"};
	struct world *w = *state;
	AUTO(free) char *path = xstrdup(store_path(w->store));
	char *ids[EVENTS];
	int kills = 0;

	fill(w, ids);
	two_a_page(w);
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		for (int n = 1; n < 50; n++) {
			struct death d = {{dies}, points[i], n, false};
			struct sync_options full = {.full = true};
			int64_t asked;

			forget_log(w);
			fault_hook = &d.hook;
			(void)run_sync(w, &full);
			fault_hook = NULL;
			asked = lists(w);
			reopen(w);
			if (!d.dead)
				break;
			kills++;
			sync_ok(w);
			assert_equal_sides(w, EVENTS);
			assert_no_progress(w);
			/* Every page once, and the one that was not stored twice; when the last one
			 * was stored, one request that finds nothing new. */
			assert_true(lists(w) <= PAGES + 1);
			assert_true(asked <= PAGES);
		}
	}
	assert_true(kills >= 2 * PAGES);
	free_ids(ids);
}

static void test_resume__what_is_made_between_the_runs_is_not_swept(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];
	AUTO(free) char *gone = NULL;
	int64_t row, edited;

	fill(w, ids);
	gone = google_add(w, "gone");
	sync_ok(w);
	two_a_page(w);
	google_delete(w, gone);
	forget_sync_tokens(w);
	run_cut_off_after(w, 3);
	/* The listing began before this one was made: it will not show it. */
	pass_time(w, 600 * 1000);
	row = add(w, "mine");
	OK(push(w, row));
	edited = row_of(w, ids[0]);
	edit(w, edited, "location", "here");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(lists(w), 2);
	assert_int_equal(w->last.pulled.deleted, 1); /* the one that is gone */
	assert_int_equal(row_of(w, gone), 0);
	assert_equal_sides(w, EVENTS + 1);
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.deleted, 0);
	assert_equal_sides(w, EVENTS + 1);
	free_ids(ids);
}

/* Of an event that has been there for long its absence says enough. */
static void test_resume__only_what_is_new_is_asked_for(void **state)
{
	struct world *w = *state;
	AUTO(free) char *old = google_add(w, "old");
	AUTO(free) char *stays = google_add(w, "stays");
	AUTO(free) char *recent = NULL;

	sync_ok(w);
	pass_time(w, 600 * 1000);
	recent = google_add(w, "recent");
	sync_ok(w);
	google_delete(w, old);
	google_delete(w, recent);
	forget_sync_tokens(w);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", old), 0);
	assert_int_equal(requests(w, "GET", recent), 1);
	assert_int_equal(w->last.pulled.deleted, 2);
	assert_true(row_of(w, stays) > 0);
	assert_equal_sides(w, 1);
}

/* What was seen before the cut and deleted at Google behind it comes as a deletion later. */
static void test_resume__what_is_deleted_between_the_runs_goes(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	run_cut_off_after(w, 3);
	for (size_t i = 0; i < EVENTS; i += 2)
		google_delete(w, ids[i]);
	sync_ok(w);
	sync_ok(w);
	assert_equal_sides(w, EVENTS / 2);
	free_ids(ids);
}

static void test_resume__a_lost_page_begins_anew_in_the_same_run(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	run_cut_off_after(w, 3);
	control(w, "POST", "/sandbox/expire", "{\"page_tokens\":true}");
	sync_ok(w);
	assert_int_equal(lists(w), 1 + PAGES);
	assert_equal_sides(w, EVENTS);
	assert_no_progress(w);
	free_ids(ids);
}

/* The sync token from before the full pull is still good: no need to read all again. */
static void test_resume__a_lost_page_falls_back_on_the_sync_token(void **state)
{
	struct world *w = *state;
	struct sync_options full = {.full = true};
	char *ids[EVENTS];

	fill(w, ids);
	sync_ok(w);
	two_a_page(w);
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"times\":0,"
		 "\"action\":\"drop_before\"}");
	run_sync(w, &full);
	assert_false(w->last.success);
	control(w, "DELETE", "/sandbox/faults", NULL);
	control(w, "POST", "/sandbox/expire", "{\"page_tokens\":true}");
	for (size_t i = 3; i < 6; i++) /* on two pages */
		google_patch(w, ids[i], "{\"location\":\"there\"}");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(lists(w), 1 + 2);
	assert_false(w->last.calendars[0].full);
	assert_equal_sides(w, EVENTS);
	assert_no_progress(w);
	free_ids(ids);
}

static void test_resume__a_page_that_is_gone_in_the_middle_of_a_run(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"after\":1,\"action\":\"status\","
		 "\"status\":410,\"reason\":\"fullSyncRequired\"}");
	sync_ok(w);
	assert_int_equal(lists(w), 3 + PAGES);
	assert_equal_sides(w, EVENTS);
	free_ids(ids);
}

static void test_resume__pages_without_an_end_of_410_end(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"times\":0,\"action\":\"status\","
		 "\"status\":410,\"reason\":\"fullSyncRequired\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_true(lists(w) <= 8);
	assert_no_progress(w);
	free_ids(ids);
}

static void test_resume__not_after_a_day(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	run_cut_off_after(w, 3);
	w->clock.now_ms += 25 * 3600 * 1000LL;
	connect_again(w);
	{
		AUTO(account_release) struct account a = {0};

		OK(store_account_get(w->store, "me", &a, &err));
		a.token_expires_ms = w->clock.now_ms + 3600 * 1000;
		OK(store_account_update(w->store, &a, &err));
	}
	sync_ok(w);
	assert_int_equal(lists(w), PAGES);
	assert_equal_sides(w, EVENTS);
	assert_no_progress(w);
	free_ids(ids);
}

static void test_resume__full_begins_anew(void **state)
{
	struct world *w = *state;
	struct sync_options full = {.full = true};
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	run_cut_off_after(w, 3);
	OK(run_sync(w, &full));
	assert_true(w->last.success);
	assert_int_equal(lists(w), PAGES);
	assert_equal_sides(w, EVENTS);
	assert_no_progress(w);
	free_ids(ids);
}

static void test_resume__a_dry_run_leaves_it_alone(void **state)
{
	struct world *w = *state;
	struct sync_options dry = {.dry_run = true};
	AUTO(calendar_release) struct calendar before = {0};
	AUTO(calendar_release) struct calendar after = {0};
	char *ids[EVENTS];

	fill(w, ids);
	two_a_page(w);
	run_cut_off_after(w, 3);
	read_calendar(w, &before);
	OK(run_sync(w, &dry));
	read_calendar(w, &after);
	assert_string_equal(before.progress.page_token, after.progress.page_token);
	assert_int_equal(before.progress.seen, after.progress.seen);
	free_ids(ids);
}

/* A listing that the guard stopped is not the one to go on with: the next may be a better one. */
static void test_resume__a_stopped_sweep_forgets_the_pages(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS], *more[EVENTS];

	fill(w, ids);
	fill(w, more);
	sync_ok(w);
	two_a_page(w);
	for (size_t i = 0; i < EVENTS; i++)
		google_delete(w, more[i]);
	google_delete(w, ids[0]);
	forget_sync_tokens(w);
	run_sync(w, NULL);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	assert_no_progress(w);
	free_ids(ids);
	free_ids(more);
}

static void test_resume__a_cancelled_occurrence_of_a_series_that_went(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"],"
			  "\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":\"2026-02-03\"}}");
	AUTO(free) char *second = xasprintf("%s_20260203", json_str(master, "id"));
	AUTO(event_release)
	struct event orphan = {
		.calendar_id = w->calendar.id,
		.id = xstrdup("lost_20260203"),
		.at_google = true,
		.resource = json_object_new_object(),
	};
	char *ids[EVENTS];

	fill(w, ids);
	google_delete(w, second);
	two_a_page(w);
	run_cut_off_after(w, 3);
	/* As if a page of the run before had brought it. */
	json_set_str(orphan.resource, "id", orphan.id);
	json_set_str(orphan.resource, "status", "cancelled");
	json_set_str(orphan.resource, "recurringEventId", "lost");
	{
		AUTO(calendar_release) struct calendar c = {0};

		read_calendar(w, &c);
		orphan.generation = c.progress.generation;
	}
	OK(store_event_put(w->store, &orphan, &err));
	sync_ok(w);
	assert_int_equal(row_of(w, "lost_20260203"), 0);
	assert_true(row_of(w, second) > 0);
	assert_int_equal(stored_rows(w), EVENTS + 2);
	free_ids(ids);
}

/* Incremental pulls have pages, too; a lost one begins anew with the same sync token. */
static void test_resume__an_incremental_pull_begins_with_its_token(void **state)
{
	struct world *w = *state;
	char *ids[EVENTS];

	sync_ok(w);
	two_a_page(w);
	fill(w, ids);
	run_cut_off_after(w, 2);
	assert_no_progress(w);
	control(w, "POST", "/sandbox/expire", "{\"page_tokens\":true}");
	sync_ok(w);
	assert_false(w->last.calendars[0].full);
	assert_int_equal(lists(w), PAGES);
	assert_equal_sides(w, EVENTS);
	free_ids(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resume__behind_each_page),
		TEST(test_resume__what_an_earlier_run_saw_is_not_swept),
		TEST(test_resume__killed_at_each_commit),
		TEST(test_resume__what_is_made_between_the_runs_is_not_swept),
		TEST(test_resume__only_what_is_new_is_asked_for),
		TEST(test_resume__what_is_deleted_between_the_runs_goes),
		TEST(test_resume__a_lost_page_begins_anew_in_the_same_run),
		TEST(test_resume__a_lost_page_falls_back_on_the_sync_token),
		TEST(test_resume__a_page_that_is_gone_in_the_middle_of_a_run),
		TEST(test_resume__pages_without_an_end_of_410_end),
		TEST(test_resume__not_after_a_day),
		TEST(test_resume__full_begins_anew),
		TEST(test_resume__a_dry_run_leaves_it_alone),
		TEST(test_resume__a_stopped_sweep_forgets_the_pages),
		TEST(test_resume__a_cancelled_occurrence_of_a_series_that_went),
		TEST(test_resume__an_incremental_pull_begins_with_its_token),
	};

	return cmocka_run_group_tests_name("sync_resume", tests, NULL, NULL);
}
