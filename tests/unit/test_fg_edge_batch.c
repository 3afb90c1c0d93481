/* multipart/mixed batches. */
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_batch__##name)
#define BATCH      "/batch/calendar/v3"
#define MIXED      "Content-Type: multipart/mixed; boundary=b1"

static void send_batch(struct google *g, const char *type, const char *body)
{
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);

	assert_int_equal(raw(g, "POST", BATCH, bearer, type, body, strlen(body)), 0);
}

/* One part; id NULL = no Content-ID; headers and body may be "". */
static void add_part(struct strbuf *sb, const char *id, const char *line, const char *headers,
		     const char *body)
{
	strbuf_adds(sb, "--b1\r\nContent-Type: application/http\r\n");
	if (id)
		strbuf_addf(sb, "Content-ID: <%s>\r\n", id);
	strbuf_addf(sb, "\r\n%s HTTP/1.1\r\n%s", line, headers);
	if (*body)
		strbuf_adds(sb, "Content-Type: application/json\r\n");
	strbuf_addf(sb, "\r\n%s\r\n", body);
}

/* The statuses of the parts in order, as "200 404 ". The caller's. */
static char *statuses(const struct google *g)
{
	struct strbuf sb = STRBUF_INIT;
	const char *at = g->last.body.buf;

	while ((at = strstr(at, "\r\nHTTP/1.1 "))) {
		at += strlen("\r\nHTTP/1.1 ");
		strbuf_addf(&sb, "%.3s ", at);
	}
	return strbuf_detach(&sb);
}

#define EVENT(id)                                                                                  \
	"{\"id\":\"" id "\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}" \
	"}"

static void test_fg_batch__parts_are_independent(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *got = NULL;

	(void)state;
	add_simple(g, "taken01", 5, "");
	add_simple(g, "guard01", 5, "");
	add_part(&sb, "a", "POST " PRIMARY, "", EVENT("event01"));
	add_part(&sb, "b", "POST " PRIMARY, "", EVENT("taken01"));
	add_part(&sb, "c", "DELETE " PRIMARY "/guard01", "If-Match: \"1\"\r\n", "");
	add_part(&sb, "d", "GET " PRIMARY "/never00", "", "");
	add_part(&sb, "e", "GET /calendar/v3/colors", "Authorization: Bearer wrong\r\n", "");
	add_part(&sb, "f", "DELETE " PRIMARY "/taken01", "", "");
	strbuf_adds(&sb, "--b1--\r\n");
	send_batch(g, MIXED, sb.buf);
	assert_status(g, 200);
	got = statuses(g);
	assert_string_equal(got, "200 409 412 404 401 204 ");
	assert_int_equal(
		strncmp(answer_header(g, "Content-Type"), "multipart/mixed; boundary=batch_", 32),
		0);
	assert_non_null(strstr(g->last.body.buf, "Content-ID: <response-a>\r\n"));
	assert_non_null(strstr(g->last.body.buf, "Content-ID: <response-f>\r\n"));
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_status(g, 200);
}

/* Ids of the parts in the order in which they ran. */
static char *run_order(uint64_t seed)
{
	const struct fg_options options = {.seed = seed, .now_ms = FG_TEST_NOW};
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct strbuf order = STRBUF_INIT;
	struct json_object *log;
	const char *at;

	fg_free(g->fg);
	g->fg = fg_new(&options);
	free(g->token);
	g->token = google_token(g, "user1@example.com");
	for (int i = 0; i < 8; i++) {
		AUTO(free) char *id = xasprintf("p%d", i);
		AUTO(free) char *line = xasprintf("GET " PRIMARY "/event0%d", i);

		add_part(&sb, id, line, "", "");
	}
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	assert_status(g, 200);
	at = g->last.body.buf;
	for (int i = 0; i < 8; i++) {
		AUTO(free) char *id = xasprintf("<response-p%d>", i);

		/* answered in the order they came */
		at = strstr(at, id);
		assert_non_null(at);
	}
	log = control(g, "GET", "requests", NULL);
	assert_int_equal(json_object_array_length(log), 9);
	for (size_t i = 1; i < 9; i++) {
		struct json_object *entry = json_object_array_get_idx(log, i);
		const char *path = json_str(entry, "path");

		assert_int_equal(json_int(entry, "batch", 0), 1);
		strbuf_addc(&order, path[strlen(path) - 1]);
	}
	return strbuf_detach(&order);
}

static void test_fg_batch__order_is_shuffled_by_the_seed(void **state)
{
	AUTO(free) char *one = run_order(7);
	AUTO(free) char *again = run_order(7);
	AUTO(free) char *other = run_order(8);

	(void)state;
	assert_string_equal(one, again);
	assert_string_not_equal(one, other);
	assert_true(strcmp(one, "01234567") != 0 || strcmp(other, "01234567") != 0);
}

static void test_fg_batch__outer_headers_and_parameters(void **state)
{
	static const char body[] = "--b1\nContent-Type: application/http\nContent-ID: x\n\n"
				   "GET /calendar/v3/colors\n\n--b1--\n";
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);

	(void)state;
	raw(g, "POST", BATCH "?fields=kind", bearer, MIXED, body, strlen(body));
	assert_status(g, 200);
	assert_non_null(strstr(g->last.body.buf, "{\n \"kind\": \"calendar#colors\"\n}"));
	/* no brackets in, none out */
	assert_non_null(strstr(g->last.body.buf, "Content-ID: response-x\r\n"));
	/* without the outer header each part lacks it */
	raw(g, "POST", BATCH, NULL, MIXED, body, strlen(body));
	assert_status(g, 200);
	assert_non_null(strstr(g->last.body.buf, "HTTP/1.1 401 "));
}

static void test_fg_batch__malformed(void **state)
{
	static const struct {
		const char *type, *body;
	} cases[] = {
		{"Content-Type: application/json", "{}"},
		{"Content-Type: multipart/mixed", "--b1--"},
		{"Content-Type: multipart/mixed; boundary=", "--b1--"},
		{MIXED, ""},
		{MIXED, "--b1--\r\n"},
		{MIXED, "nothing here"},
		{MIXED,
		 "--b1\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/colors\r\n"},
		{MIXED, "--b1\r\nContent-Type: text/plain\r\n\r\nGET /x\r\n--b1--\r\n"},
		{MIXED, "--b1\r\n\r\nGET /x\r\n--b1--\r\n"},
		{MIXED, "--b1\r\nno header line\r\n\r\nGET /x\r\n--b1--\r\n"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		send_batch(g, cases[i].type, cases[i].body);
		assert_refused(g, 400, "badRequest");
	}
}

static void test_fg_batch__a_bad_part_spoils_itself_alone(void **state)
{
	static const char *const lines[] = {"GET", "", "GET https://x.example/calendar/v3/colors"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO(free)
		char *body = xasprintf("--b1\r\nContent-Type: application/http\r\n\r\n%s\r\n\r\n"
				       "--b1\r\nContent-Type: application/http\r\n\r\n"
				       "GET /calendar/v3/colors\r\n\r\n--b1--",
				       lines[i]);
		AUTO(free) char *got = NULL;

		send_batch(g, MIXED, body);
		assert_status(g, 200);
		got = statuses(g);
		assert_string_equal(got, "400 200 ");
	}
}

static void test_fg_batch__no_other_api_inside(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *got = NULL;

	(void)state;
	add_part(&sb, "a", "POST " BATCH, "", "");
	add_part(&sb, "b", "POST /token", "", "");
	add_part(&sb, "c", "GET /sandbox/state", "", "");
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	got = statuses(g);
	assert_string_equal(got, "404 404 404 ");
}

static void test_fg_batch__limit(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 51; i++)
		add_part(&sb, NULL, "GET /calendar/v3/colors", "", "");
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	assert_status(g, 200);
	configure(g, "{\"max_batch_parts\":50}");
	send_batch(g, MIXED, sb.buf);
	assert_refused(g, 400, "badRequest");
}

static void test_fg_batch__parts_count_for_quota(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *got = NULL;
	int refused = 0;

	(void)state;
	configure(g, "{\"rate_per_minute\":3,\"rate_status\":429}");
	for (int i = 0; i < 5; i++)
		add_part(&sb, NULL, "GET /calendar/v3/colors", "", "");
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	got = statuses(g);
	for (const char *p = got; *p; p += 4)
		refused += !strncmp(p, "429", 3);
	assert_int_equal(refused, 2);
}

static void test_fg_batch__faults_hit_parts(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *got = NULL;

	(void)state;
	control(g, "POST", "faults",
		"{\"match\":\"/colors\",\"action\":\"drop_before\",\"times\":0}");
	control(g, "POST", "faults",
		"{\"match\":\"event02\",\"action\":\"status\",\"status\":409,"
		"\"reason\":\"conflict\",\"domain\":\"global\",\"message\":\"Conflict\"}");
	control(g, "POST", "faults",
		"{\"method\":\"PATCH\",\"match\":\"event03\",\"action\":\"status_after\","
		"\"status\":500}");
	add_simple(g, "event02", 5, "");
	add_simple(g, "event03", 5, "");
	add_part(&sb, "a", "GET /calendar/v3/colors", "", "");
	add_part(&sb, "b", "GET " PRIMARY "/event02", "", "");
	add_part(&sb, "c", "PATCH " PRIMARY "/event03", "", "{\"summary\":\"applied\"}");
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	got = statuses(g);
	assert_string_equal(got, "200 409 500 ");
	google(g, "GET", PRIMARY "/event03", NULL);
	assert_string_equal(json_str(g->json, "summary"), "applied");
}

static void test_fg_batch__dependent_writes_are_noted(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;

	(void)state;
	add_part(&sb, "a", "PATCH " PRIMARY "/event01", "", "{}");
	add_part(&sb, "b", "GET " PRIMARY "/event01", "", "");
	add_part(&sb, "c", "DELETE " PRIMARY "/event01?sendUpdates=none", "", "");
	add_part(&sb, "d", "DELETE " PRIMARY "/event02", "", "");
	strbuf_adds(&sb, "--b1--");
	send_batch(g, MIXED, sb.buf);
	assert_int_equal(violations(g, "two writes to one event"), 1);
}

static void test_fg_batch__mangled_batches_answer(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);
	uint32_t seed = 99;

	(void)state;
	add_part(&sb, "a", "POST " PRIMARY, "", EVENT("event01"));
	add_part(&sb, "b", "GET " PRIMARY, "X: y\r\n", "");
	strbuf_adds(&sb, "--b1--\r\n");
	for (int i = 0; i < 1000; i++) {
		AUTO(free) char *body = xstrndup(sb.buf, sb.len);
		size_t len = sb.len;

		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			body[(seed >> 8) % len] = (char)(seed >> 24);
		}
		if (i % 5 == 0)
			len = (seed >> 8) % len;
		assert_int_equal(raw(g, "POST", BATCH, bearer, MIXED, body, len), 0);
		assert_in_range(g->last.status, 200, 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_are_independent),
		TEST(order_is_shuffled_by_the_seed),
		TEST(outer_headers_and_parameters),
		TEST(malformed),
		TEST(a_bad_part_spoils_itself_alone),
		TEST(no_other_api_inside),
		TEST(limit),
		TEST(parts_count_for_quota),
		TEST(faults_hit_parts),
		TEST(dependent_writes_are_noted),
		TEST(mangled_batches_answer),
	};

	return cmocka_run_group_tests_name("fg_batch", tests, NULL, NULL);
}
