/* Death at every point of watch, renew-watches and stop-watch: the next runs put all in order, and
 * there is no moment at which a calendar that had a channel has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "channel_world.h"

#include "base/fault.h"

struct dying {
	struct fault_hook hook;
	int left; /* points that still pass; -1 = all */
	bool dead;
	int met;
};

static bool dies(struct fault_hook *hook, const char *point)
{
	struct dying *d = (struct dying *)hook;

	(void)point;
	d->met++;
	if (!d->dead && d->left >= 0)
		d->dead = d->left-- == 0;
	return d->dead;
}

/* A request that a dead process would not send. */
static struct dying *killer;
static int (*real_exchange)(struct transport *, const struct http_request *, struct http_response *,
			    struct err *);

static int exchange(struct transport *t, const struct http_request *req, struct http_response *out,
		    struct err *e)
{
	if (killer && dies(&killer->hook, "send"))
		return err_set(e, ERR_NETWORK, "dead");
	if (real_exchange(t, req, out, e))
		return -1;
	/* It was carried out; who asked never learns. */
	if (killer && dies(&killer->hook, "answer"))
		return err_set(e, ERR_NETWORK, "dead");
	return 0;
}

static int crash_setup(void **state)
{
	int rc = channel_setup(state);
	struct world *w = *state;

	real_exchange = w->hooked.t.exchange;
	w->hooked.t.exchange = exchange;
	return rc;
}

#define CRASH_TEST(name) cmocka_unit_test_setup_teardown(name, crash_setup, channel_teardown)

/* Returns whether it died. */
static bool run_dying(struct world *w, const struct channels_options *o, int after)
{
	struct dying d = {.hook = {dies}, .left = after};

	fault_hook = &d.hook;
	killer = &d;
	run_channels(w, o);
	fault_hook = NULL;
	killer = NULL;
	return d.dead;
}

/* As time goes by: messages come, the timer runs. */
static void put_in_order(struct world *w, const struct channels_options *again)
{
	OK(channels_tidy(w->store, hook_file, &err));
	OK(run_channels(w, again));
	assert_int_equal(result.err.code, ERR_NONE);
	deliver(w);
	OK(channels_tidy(w->store, hook_file, &err));
	watch_ok(w);
}

/* One lives at Google, the one that is ACTIVE here. A row that is NEW is of a request that was never
 * sent: nobody can know that, and it is forgotten when what it might stand for has ended. */
static void assert_settled(struct world *w)
{
	AUTO(json_object_put) struct json_object *theirs = google_channels(w);
	AUTO(channel_list_release) struct channel_list ours = our_channels(w);
	const char *there = json_str(json_object_array_get_idx(theirs, 0), "id");
	size_t active = 0;

	assert_int_equal(json_object_array_length(theirs), 1);
	assert_int_equal(hook_count(), ours.count);
	for (size_t i = 0; i < ours.count; i++) {
		if (ours.items[i].state == CHANNEL_ACTIVE) {
			active++;
			assert_string_equal(ours.items[i].id, there);
			continue;
		}
		assert_int_equal(ours.items[i].state, CHANNEL_NEW);
		assert_null(ours.items[i].resource_id);
	}
	assert_int_equal(active, 1);
}

static void assert_forgets(struct world *w)
{
	pass_time(w, 8 * DAY_MS);
	log_in(w);
	renew_ok(w);
	assert_one_channel(w);
}

static void clear(struct world *w)
{
	OK(stop_watch(w, PUSH_SWITCH_OFF));
	assert_int_equal(google_channel_count(w), 0);
	assert_int_equal(unlink(hook_file), 0);
}

#define POINTS_MIN 12 /* of a run; fewer would mean that it was not looked at */

static void test_channels__death_in_watch(void **state)
{
	static const struct channels_options on = {
		.push = PUSH_SWITCH_ON, .address = ADDRESS, .window_ms = DAY_MS};
	struct world *w = *state;
	int n = 0;

	for (;; n++) {
		bool died = run_dying(w, &on, n);

		if (!died)
			break;
		put_in_order(w, &on);
		assert_settled(w);
		/* Whatever it left: nobody was told of changes before, so a sync is to look. */
		assert_int_equal(wakes(), 1);
		clear(w);
	}
	assert_true(n >= POINTS_MIN);
	assert_forgets(w);
}

static void test_channels__death_in_renewal_leaves_no_gap(void **state)
{
	static const struct channels_options again = {.address = ADDRESS, .window_ms = 7 * DAY_MS};
	struct world *w = *state;
	int n = 0;

	watch_ok(w);
	for (;; n++) {
		bool died = run_dying(w, &again, n);

		assert_true(google_channel_count(w) >= 1);
		if (!died)
			break;
		put_in_order(w, &again);
		assert_settled(w);
	}
	assert_true(n >= POINTS_MIN);
	assert_forgets(w);
}

static void test_channels__death_in_stop_watch(void **state)
{
	static const struct channels_options off = {.push = PUSH_SWITCH_OFF};
	struct world *w = *state;
	int n = 0;

	for (;; n++) {
		watch_ok(w);
		deliver(w);
		if (!run_dying(w, &off, n))
			break;
		OK(channels_tidy(w->store, hook_file, &err));
		OK(run_channels(w, &off));
		OK(channels_tidy(w->store, hook_file, &err));
		assert_int_equal(google_channel_count(w), 0);
		assert_int_equal(our_count(w), 0);
		assert_int_equal(hook_count(), 0);
	}
	assert_true(n >= 6);
	assert_int_equal(google_channel_count(w), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CRASH_TEST(test_channels__death_in_watch),
		CRASH_TEST(test_channels__death_in_renewal_leaves_no_gap),
		CRASH_TEST(test_channels__death_in_stop_watch),
	};

	return cmocka_run_group_tests_name("channels_crash", tests, NULL, NULL);
}
