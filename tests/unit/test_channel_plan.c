/* What is planned for push channels, as a table of situations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/channel_plan.h"

#include "base/strbuf.h"

#define HOUR  (60 * 60 * INT64_C(1000))
#define DAY   (24 * HOUR)
#define NOW   (1000 * DAY)
#define HERE  "https://here.example/hook"
#define THERE "https://there.example/hook"
#define ROWS  3
#define CAL   7
#define OTHER 8

/* An ACTIVE one of calendar CAL that ends then. */
#define ACTIVE(name, in)                                                                          \
	{                                                                                         \
		.id = (char *)(name), .calendar_id = CAL, .address = (char *)HERE,                \
		.state = CHANNEL_ACTIVE, .resource_id = (char *)"r", .expiration_ms = NOW + (in), \
		.created_ms = NOW - DAY                                                           \
	}
#define STOPPING(name, in)                                                                         \
	{                                                                                          \
		.id = (char *)(name), .calendar_id = CAL, .address = (char *)HERE,                 \
		.state = CHANNEL_STOPPING, .resource_id = (char *)"r", .expiration_ms = NOW + (in) \
	}
#define NEW(name, resource, age)                                                                   \
	{                                                                                          \
		.id = (char *)(name), .calendar_id = CAL, .address = (char *)HERE,                 \
		.state = CHANNEL_NEW, .resource_id = (char *)(resource), .created_ms = NOW - (age) \
	}

struct situation {
	const char *what;
	bool off; /* the calendar is not to have a channel */
	int64_t window;
	const char *address;           /* NULL = HERE, "" = none */
	struct channel channels[ROWS]; /* up to the first without an id */
	const char *want;
};

static const struct situation table[] = {
	{"none at all", .want = "make-dark"},
	{"none, and none is wanted", .off = true, .want = ""},
	{"none, and nowhere to send to", .address = "", .want = ""},
	{"one that lives long enough", .window = 6 * DAY, .channels = {ACTIVE("a", 7 * DAY)},
	 .want = ""},
	{"one that ends within the window", .window = 7 * DAY, .channels = {ACTIVE("a", 7 * DAY)},
	 .want = "make"},
	{"without a window the last moment counts", .channels = {ACTIVE("a", 1)}, .want = ""},
	{"one that has just ended", .channels = {ACTIVE("a", 0)}, .want = "make-dark"},
	{"one that ended long ago", .channels = {ACTIVE("a", -DAY)}, .want = "make-dark forget:a"},
	{"one that sends elsewhere", .address = THERE, .channels = {ACTIVE("a", 7 * DAY)},
	 .want = "make-dark"},
	{"where it sends does not count when none can be made", .address = "",
	 .channels = {ACTIVE("a", 7 * DAY)}, .want = ""},
	{"one that the webhook does not know",
	 .channels = {{.id = (char *)"a",
		       .calendar_id = CAL,
		       .address = (char *)HERE,
		       .state = CHANNEL_ACTIVE,
		       .resource_id = (char *)"r",
		       .expiration_ms = NOW + 7 * DAY,
		       .deaf = true}},
	 .want = "make-dark"},
	{"one that is not wanted", .off = true, .channels = {ACTIVE("a", 7 * DAY)},
	 .want = "stop:a"},
	{"one that is not wanted and can live no longer", .off = true,
	 .channels = {ACTIVE("a", -DAY)}, .want = "forget:a"},
	{"two: the one that lives longer stays",
	 .channels = {ACTIVE("a", 2 * DAY), ACTIVE("b", 3 * DAY)}, .want = "stop:a"},
	{"two that both end soon: none is stopped before there is another", .window = 7 * DAY,
	 .channels = {ACTIVE("a", 2 * DAY), ACTIVE("b", 3 * DAY)}, .want = "make"},
	{"what failed to be stopped", .channels = {ACTIVE("a", 2 * DAY), STOPPING("b", DAY)},
	 .want = "stop:b"},
	{"what failed to be stopped does not count as one", .channels = {STOPPING("b", 7 * DAY)},
	 .want = "make-dark stop:b"},
	{"what failed to be stopped until it could live no longer",
	 .channels = {ACTIVE("a", 2 * DAY), STOPPING("b", -DAY)}, .want = "forget:b"},
	{"its answer was lost: it is not known whether there is one",
	 .channels = {NEW("a", NULL, HOUR)}, .want = "make-dark"},
	{"its answer was lost, a message came: it stays until there is another",
	 .channels = {NEW("a", "r", HOUR)}, .want = "make-dark"},
	{"its answer was lost, a message came, and another is there",
	 .channels = {NEW("a", "r", HOUR), ACTIVE("b", 7 * DAY)}, .want = "stop:a"},
	{"its answer was lost, and another is there",
	 .channels = {NEW("a", NULL, HOUR), ACTIVE("b", 7 * DAY)}, .want = ""},
	{"its answer was lost, it is not wanted: no message told how to stop it", .off = true,
	 .channels = {NEW("a", NULL, HOUR)}, .want = ""},
	{"its answer was lost, it is not wanted, and can be stopped", .off = true,
	 .channels = {NEW("a", "r", HOUR)}, .want = "stop:a"},
	{"its answer was lost more than seven days ago: it may still live by Google's clock",
	 .channels = {NEW("a", NULL, 8 * DAY - 1), ACTIVE("b", 7 * DAY)}, .want = ""},
	{"its answer was lost a week and a day ago",
	 .channels = {NEW("a", NULL, 8 * DAY), ACTIVE("b", 7 * DAY)}, .want = "forget:a"},
	{"it was never asked for",
	 .channels = {{.id = (char *)"a",
		       .calendar_id = CAL,
		       .address = (char *)HERE,
		       .state = CHANNEL_NEW,
		       .created_ms = NOW,
		       .deaf = true}},
	 .want = "make-dark forget:a"},
	{"how long it lives is not known", .window = 6 * DAY - 1,
	 .channels = {{.id = (char *)"a",
		       .calendar_id = CAL,
		       .address = (char *)HERE,
		       .state = CHANNEL_ACTIVE,
		       .resource_id = (char *)"r",
		       .created_ms = NOW - DAY}},
	 .want = ""},
	{"that of another calendar is no affair of this one",
	 .channels = {{.id = (char *)"a",
		       .calendar_id = OTHER,
		       .address = (char *)HERE,
		       .state = CHANNEL_STOPPING,
		       .resource_id = (char *)"r"}},
	 .want = "make-dark"},
};

static void add_words(const struct channel_plan *p, struct strbuf *out)
{
	static const char *const words[] = {"make", "stop", "forget"};

	for (size_t i = 0; i < p->count; i++) {
		const struct channel_op *op = &p->ops[i];

		assert_int_equal(op->calendar_id, CAL);
		strbuf_addf(out, "%s%s%s%s%s", i ? " " : "", words[op->kind],
			    op->dark ? "-dark" : "", op->channel ? ":" : "",
			    op->channel ? op->channel->id : "");
	}
}

static void test_channel_plan__table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct situation *t = &table[i];
		struct channel_need need = {CAL, !t->off};
		AUTO(channel_plan_release) struct channel_plan p = {0};
		AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
		struct channel_situation s = {.now_ms = NOW,
					      .window_ms = t->window,
					      .address = !t->address   ? HERE
							 : *t->address ? t->address
								       : NULL,
					      .needs = &need,
					      .need_count = 1,
					      .channels = t->channels};

		while (s.channel_count < ROWS && t->channels[s.channel_count].id)
			s.channel_count++;
		channel_plan_build(&s, &p);
		add_words(&p, &got);
		if (strcmp(got.buf, t->want) != 0)
			fail_msg("%s: '%s', not '%s'", t->what, got.buf, t->want);
	}
}

static void test_channel_plan__each_calendar_by_itself(void **state)
{
	struct channel_need needs[] = {{CAL, true}, {OTHER, false}, {9, true}};
	struct channel channels[] = {
		ACTIVE("a", 7 * DAY),
		{.id = (char *)"b",
		 .calendar_id = OTHER,
		 .state = CHANNEL_ACTIVE,
		 .resource_id = (char *)"r",
		 .expiration_ms = NOW + DAY},
	};
	struct channel_situation s = {.now_ms = NOW,
				      .address = HERE,
				      .needs = needs,
				      .need_count = ARRAY_SIZE(needs),
				      .channels = channels,
				      .channel_count = ARRAY_SIZE(channels)};
	AUTO(channel_plan_release) struct channel_plan p = {0};

	(void)state;
	channel_plan_build(&s, &p);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.ops[0].kind, CHANNEL_STOP);
	assert_ptr_equal(p.ops[0].channel, &channels[1]);
	assert_int_equal(p.ops[1].kind, CHANNEL_MAKE);
	assert_int_equal(p.ops[1].calendar_id, 9);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channel_plan__table),
		cmocka_unit_test(test_channel_plan__each_calendar_by_itself),
	};

	return cmocka_run_group_tests_name("channel_plan", tests, NULL, NULL);
}
