/* Points of effect: where the hook says that the process is dead, nothing passes any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "store_fixture.h"

/* Dies at the n-th point that counts (0 = never), and notes which ones it met. */
struct dying {
	struct fault_hook hook;
	int left;
	bool dead;
	int met_dead; /* effects that were tried after it */
	struct strbuf points;
};

static bool dies(struct fault_hook *hook, const char *point)
{
	struct dying *d = (struct dying *)hook;

	if (d->dead) {
		d->met_dead++;
		return true;
	}
	strbuf_addf(&d->points, "%s ", point);
	d->dead = d->left > 0 && --d->left == 0;
	return d->dead;
}

static void start(struct dying *d, int n)
{
	*d = (struct dying){.hook = {dies}, .left = n, .points = STRBUF_INIT};
	fault_hook = &d->hook;
}

static void end(struct dying *d)
{
	fault_hook = NULL;
	strbuf_release(&d->points);
}

/* A transaction of two writes, then a write by itself. Stops at the first error, as callers do. */
static int work(void)
{
	int status;

	if (store_begin(store, &err))
		return -1;
	status = store_meta_set(store, "a", "1", &err) || store_meta_set(store, "b", "1", &err);
	if (status)
		store_rollback(store);
	else
		status = store_commit(store, &err);
	return status || store_meta_set(store, "c", "1", &err) ? -1 : 0;
}

static void test_fault__every_effect_has_its_points(void **state)
{
	struct dying d;

	(void)state;
	start(&d, 0);
	OK(work());
	assert_string_equal(d.points.buf,
			    "store.begin store.change store.change store.commit store.committed "
			    "store.write store.written ");
	end(&d);
}

static void test_fault__reading_is_no_effect(void **state)
{
	AUTO(free) char *value = NULL;
	struct dying d;

	(void)state;
	OK(store_meta_set(store, "a", "1", &err));
	start(&d, 0);
	OK(store_meta_get(store, "a", &value, &err));
	assert_string_equal(d.points.buf, "");
	end(&d);
}

/* What is there after the process died at the n-th point. */
static void test_fault__what_holds_is_what_was_committed(void **state)
{
	static const int rows[] = {0, 0, 0, 0, 2, 2, 3};

	(void)state;
	for (int n = 1; n <= (int)ARRAY_SIZE(rows); n++) {
		struct dying d;
		int64_t before = count("SELECT count(*) FROM meta");

		assert_int_equal(before, 0);
		start(&d, n);
		FAILS(ERR_STORE, work());
		assert_non_null(strstr(err.msg, "taken for dead"));
		FAILS(ERR_STORE, work()); /* and so it stays */
		assert_true(d.met_dead > 0);
		end(&d);
		reopen();
		assert_int_equal(count("SELECT count(*) FROM meta"), rows[n - 1]);
		OK(store_meta_set(store, "a", NULL, &err));
		OK(store_meta_set(store, "b", NULL, &err));
		OK(store_meta_set(store, "c", NULL, &err));
	}
}

/* A statement that gives rows back has written before it is stepped to its end. */
static void test_fault__an_insert_that_returns_is_one_effect(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "one", "{}");
	struct outbox o = {.event_rowid = row, .op = PENDING_UPDATE};
	struct dying d;

	(void)state;
	start(&d, 0);
	OK(store_outbox_put(store, &o, &err));
	assert_string_equal(d.points.buf, "store.write store.written ");
	end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STORE(test_fault__every_effect_has_its_points),
		IN_STORE(test_fault__reading_is_no_effect),
		IN_STORE(test_fault__what_holds_is_what_was_committed),
		IN_STORE(test_fault__an_insert_that_returns_is_one_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
