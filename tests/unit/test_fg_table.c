/*
 * Request -> response pairs from tests/data/fake_google/(name).json, each a test of its own
 * against a fresh fake Google.
 *
 * A file is {"load": what fg_load() takes, "rows": [row...]}; a row
 * {"name", "setup"?: [[method, path, body?]...], "request": [method, path, body?],
 *  "if_match"?, "if_none_match"?, "status", "reason"?, "message"?, "location"?,
 *  "expect"?: members the answer must have (objects by member, arrays as a whole),
 *  "absent"?: [paths that must not be there]}.
 * A path that begins with "E" is one below the primary calendar's events, "C" below calendars,
 * "L" below the calendarList. "$etag" in if_match and if_none_match is the last setup answer's.
 */
#include "fg_fixture.h"

#include <stdio.h>

#include "base/banned.h"

static const char *const files[] = {"events", "series", "calendars"};

struct row {
	struct json_object *load; /* borrowed */
	struct json_object *json; /* borrowed */
};

static const char *text_at(const struct json_object *array, size_t i)
{
	if (i >= json_object_array_length(array))
		return NULL;
	return json_object_get_string(json_object_array_get_idx(array, i));
}

static char *request_url(const char *path)
{
	const char *root = *path == 'E'   ? PRIMARY
			   : *path == 'C' ? "/calendar/v3/calendars"
			   : *path == 'L' ? "/calendar/v3/users/me/calendarList"
					  : "";

	return xasprintf("%s%s", root, *root ? path + 1 : path);
}

static void send(struct google *g, struct json_object *request)
{
	struct json_object *body = json_object_array_length(request) > 2
					   ? json_object_array_get_idx(request, 2)
					   : NULL;
	const char *text = json_object_is_type(body, json_type_string)
				   ? json_object_get_string(body)
			   : body ? json_text(body)
				  : NULL;
	AUTO(free) char *url = request_url(text_at(request, 1));

	google(g, text_at(request, 0), url, text);
}

static bool matches(const struct json_object *have, struct json_object *want)
{
	if (!json_object_is_type(want, json_type_object))
		return json_equal(have, want);
	json_object_object_foreach (want, key, value)
		if (!json_has(have, key) || !matches(json_get(have, key), value))
			return false;
	return true;
}

static void check_answer(struct google *g, struct json_object *row)
{
	struct json_object *expect = json_get(row, "expect");
	struct json_object *absent = json_get(row, "absent");
	struct json_object *errors = json_path(g->json, "error/errors");
	const char *reason = json_str(row, "reason");
	const char *message = json_str(row, "message");
	const char *location = json_str(row, "location");

	assert_status(g, (int)json_int(row, "status", 200));
	if (reason)
		assert_string_equal(google_reason(g), reason);
	if (message)
		assert_string_equal(json_path_str(g->json, "error/message"), message);
	if (location)
		assert_string_equal(json_str(json_object_array_get_idx(errors, 0), "location"),
				    location);
	if (expect && !matches(g->json, expect))
		fail_msg("%s\nis not\n%s", g->last.body.buf, json_text(expect));
	for (size_t i = 0; absent && i < json_object_array_length(absent); i++)
		if (json_path(g->json, text_at(absent, i)))
			fail_msg("%s is there: %s", text_at(absent, i), g->last.body.buf);
}

static void run_row(void **state)
{
	const struct row *row = *state;
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;
	struct json_object *setup = json_get(row->json, "setup");
	const char *load = json_text(row->load);
	const char *if_match = json_str(row->json, "if_match");
	const char *if_none_match = json_str(row->json, "if_none_match");
	struct err err;

	assert_int_equal(fg_load(g->fg, load, strlen(load), &err), 0);
	for (size_t i = 0; setup && i < json_object_array_length(setup); i++) {
		send(g, json_object_array_get_idx(setup, i));
		if (g->last.status / 100 != 2)
			fail_msg("setup %zu: %s", i, g->last.body.buf);
		free(etag);
		etag = xstrdup_null(json_str(g->json, "etag"));
	}
	g->if_match = if_match && !strcmp(if_match, "$etag") ? etag : if_match;
	g->if_none_match = if_none_match && !strcmp(if_none_match, "$etag") ? etag : if_none_match;
	send(g, json_get(row->json, "request"));
	check_answer(g, row->json);
}

/* -- the same requests, damaged ------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Change, drop or double a few bytes; printable ones, as the URL must stay one line. */
static char *damage(const char *text, uint64_t *rng)
{
	static const char bytes[] = "{}[]\",:=&?%/_@#-+0129TZaN \\";
	struct strbuf sb = STRBUF_INIT;
	size_t len = strlen(text);
	size_t at = len ? next_random(rng) % len : 0;

	for (size_t i = 0; i < len; i++) {
		switch (i == at ? next_random(rng) % 4 : 4) {
		case 0:
			strbuf_addc(&sb, bytes[next_random(rng) % (sizeof(bytes) - 1)]);
			break;
		case 1:
			break;
		case 2:
			strbuf_addc(&sb, text[i]);
			strbuf_addc(&sb, bytes[next_random(rng) % (sizeof(bytes) - 1)]);
			break;
		case 3:
			i += next_random(rng) % 8;
			break;
		default:
			strbuf_addc(&sb, text[i]);
			break;
		}
		if (i >= at && next_random(rng) % 40 == 0)
			at = i + 1;
	}
	return strbuf_detach(&sb);
}

static void send_damaged(struct google *g, struct json_object *request, uint64_t *rng)
{
	struct json_object *body = json_object_array_length(request) > 2
					   ? json_object_array_get_idx(request, 2)
					   : NULL;
	AUTO(free) char *url = request_url(text_at(request, 1));
	AUTO(free) char *bad_url = next_random(rng) % 3 ? NULL : damage(url, rng);
	AUTO(free) char *bad_body = body ? damage(json_text(body), rng) : NULL;

	google(g, text_at(request, 0), bad_url ? bad_url : url, bad_body);
	/* acl is the one thing that is not implemented */
	if (g->last.status >= 500 && g->last.status != 501)
		fail_msg("%s %s %s: %d", text_at(request, 0), bad_url ? bad_url : url,
			 bad_body ? bad_body : "", g->last.status);
}

/* All rows of a file against one fake Google, whose state gets ever stranger. */
static void run_damaged(void **state)
{
	const struct row *first = *state;
	AUTO(google_free) struct google *g = google_new();
	struct json_object *rows = json_get(first->json, "rows");
	const char *load = json_text(first->load);
	uint64_t rng = 0x9E3779B97F4A7C15ULL;
	struct err err;

	assert_int_equal(fg_load(g->fg, load, strlen(load), &err), 0);
	for (int round = 0; round < 15; round++) {
		for (size_t i = 0; i < json_object_array_length(rows); i++)
			send_damaged(g, json_get(json_object_array_get_idx(rows, i), "request"),
				     &rng);
		google(g, "GET", PRIMARY "?singleEvents=true&showDeleted=true", NULL);
		assert_status(g, 200);
	}
}

static struct json_object *read_file(const char *name)
{
	AUTO(free) char *path = xasprintf("tests/data/fake_google/%s.json", name);
	struct json_object *json = json_object_from_file(path);

	if (!json) {
		fprintf(stderr, "cannot read %s: %s\n", path, json_util_get_last_err());
		exit(1);
	}
	return json;
}

int main(void)
{
	struct json_object *data[ARRAY_SIZE(files)];
	struct CMUnitTest *tests = NULL;
	struct row *rows = NULL;
	size_t n = 0;
	int failed;

	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		data[f] = read_file(files[f]);
		n += json_object_array_length(json_get(data[f], "rows"));
	}
	n += ARRAY_SIZE(files);
	tests = xcalloc(n, sizeof(*tests));
	rows = xcalloc(n, sizeof(*rows));
	n = 0;
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		struct json_object *list = json_get(data[f], "rows");

		for (size_t i = 0; i < json_object_array_length(list); i++, n++) {
			rows[n].load = json_get(data[f], "load");
			rows[n].json = json_object_array_get_idx(list, i);
			tests[n].name = json_str(rows[n].json, "name");
			tests[n].test_func = run_row;
			tests[n].initial_state = &rows[n];
		}
		rows[n].load = json_get(data[f], "load");
		rows[n].json = data[f];
		tests[n].name = "the same requests, damaged";
		tests[n].test_func = run_damaged;
		tests[n].initial_state = &rows[n];
		n++;
	}
	failed = _cmocka_run_group_tests("fg_table", tests, n, NULL, NULL);
	for (size_t f = 0; f < ARRAY_SIZE(files); f++)
		json_object_put(data[f]);
	free(tests);
	free(rows);
	return failed;
}
