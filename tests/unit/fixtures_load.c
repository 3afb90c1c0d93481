/* Real Google data loads into the fake Google, and comes back from its API as it was loaded. */
#include "fg_fixture.h"

#include <dirent.h>
#include <stdio.h>

#include "base/banned.h"

static struct json_object *read_json(const char *path)
{
	struct json_object *json = json_object_from_file(path);

	if (!json)
		fail_msg("cannot read %s", path);
	return json;
}

static bool is_event(const struct json_object *obj)
{
	const char *kind = json_str(obj, "kind");

	return (kind && !strcmp(kind, "calendar#event")) || json_get(obj, "start");
}

/* The events of a file, whatever its shape; NULL = it holds none. Borrowed or owned alike. */
static struct json_object *events_of(struct json_object *json)
{
	const char *kind = json_str(json, "kind");
	struct json_object *one;

	if (json_object_is_type(json, json_type_array))
		return json_object_get(json);
	if (kind && !strcmp(kind, "calendar#events"))
		return json_object_get(json_get(json, "items"));
	if (!is_event(json))
		return NULL;
	one = json_object_new_array();
	json_object_array_add(one, json_object_get(json));
	return one;
}

static size_t distinct_ids(struct json_object *list)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		/* The primary calendar's id is the account's address, in both lists. */
		json_set_bool(seen,
			      json_flag(one, "primary", false) ? "user1@example.com"
							       : json_str(one, "id"),
			      true);
	}
	return (size_t)json_object_object_length(seen);
}

/* The last one of the list with this id, by `updated`. */
static bool superseded(struct json_object *events, size_t i)
{
	struct json_object *me = json_object_array_get_idx(events, i);

	for (size_t k = 0; k < json_object_array_length(events); k++) {
		struct json_object *other = json_object_array_get_idx(events, k);

		if (k != i && !strcmp(json_str(other, "id"), json_str(me, "id")))
			return true;
	}
	return false;
}

static void compare(struct google *g, const char *path, struct json_object *want)
{
	AUTO(free) char *id = query_value(json_str(want, "id"));
	AUTO(free) char *url = xasprintf(PRIMARY "/%s", id);

	google(g, "GET", url, NULL);
	assert_status(g, 200);
	json_object_object_foreach (want, key, value)
		if (!json_equal(json_get(g->json, key), value))
			fail_msg("%s: %s of %s is %s, not %s", path, key, id,
				 json_text(json_get(g->json, key)), json_text(value));
}

static void check_file(const char *path, size_t *events_seen)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(json_object_put) struct json_object *json = read_json(path);
	AUTO(json_object_put) struct json_object *events = events_of(json);
	const char *text = json_text(json);
	struct err err = {0};
	int loaded = fg_load(g->fg, text, strlen(text), &err);
	const char *kind = json_str(json, "kind");

	if (kind && !strcmp(kind, "calendar#calendarList")) {
		assert_int_equal(loaded, 0);
		google(g, "GET", "/calendar/v3/users/me/calendarList?showHidden=true", NULL);
		assert_true(item_count(g) >= distinct_ids(json_get(json, "items")));
		return;
	}
	if (!events) {
		assert_int_equal(loaded, -1);
		return;
	}
	if (loaded)
		fail_msg("%s: %s", path, err.msg);
	for (size_t i = 0; i < json_object_array_length(events); i++, (*events_seen)++)
		if (!superseded(events, i))
			compare(g, path, json_object_array_get_idx(events, i));
	google(g, "GET", PRIMARY "?showDeleted=true&maxResults=2500", NULL);
	assert_status(g, 200);
	google(g, "GET", PRIMARY "?singleEvents=true&orderBy=startTime&maxResults=2500", NULL);
	assert_status(g, 200);
}

static void each_file(void (*run)(const char *path, void *arg), void *arg)
{
	AUTO(free) char *root = xasprintf("%s/google-json", getenv("FIXTURES"));
	struct dirent **dirs;
	int n = scandir(root, &dirs, NULL, alphasort);

	assert_true(n > 2);
	for (int i = 0; i < n; i++) {
		AUTO(free) char *folder = xasprintf("%s/%s", root, dirs[i]->d_name);
		struct dirent **files;
		int m = *dirs[i]->d_name == '.' ? 0 : scandir(folder, &files, NULL, alphasort);

		for (int k = 0; k < m; k++) {
			AUTO(free) char *path = xasprintf("%s/%s", folder, files[k]->d_name);
			size_t len = strlen(path);

			if (len > 5 && !strcmp(path + len - 5, ".json"))
				run(path, arg);
			free(files[k]);
		}
		if (m > 0)
			free(files);
		free(dirs[i]);
	}
	free(dirs);
}

static void run_check(const char *path, void *arg)
{
	check_file(path, arg);
}

static void fixtures_load__comes_back_as_loaded(void **state)
{
	size_t events = 0;

	(void)state;
	each_file(run_check, &events);
	assert_true(events > 150);
}

static void run_load(const char *path, void *arg)
{
	struct google *g = arg;
	AUTO(json_object_put) struct json_object *json = read_json(path);
	const char *text = json_text(json);
	struct err err;

	/* Files without events are refused; the point is that nothing breaks. */
	if (fg_load(g->fg, text, strlen(text), &err))
		assert_true(*err.msg);
}

static void fixtures_load__all_into_one_calendar(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	each_file(run_load, g);
	google(g, "GET", PRIMARY "?maxResults=2500", NULL);
	assert_status(g, 200);
	assert_true(item_count(g) > 100);
	google(g, "GET", PRIMARY "?singleEvents=true&maxResults=2500", NULL);
	assert_status(g, 200);
	assert_int_equal(item_count(g), 2500);
	google(g, "POST", "/sandbox/reset", "{}");
	assert_int_equal(g->last.status / 100, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixtures_load__comes_back_as_loaded),
		cmocka_unit_test(fixtures_load__all_into_one_calendar),
	};

	return cmocka_run_group_tests_name("fixtures_load", tests, NULL, NULL);
}
