#include "units.h"

#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"

#include "base/banned.h"

static void add(struct units *u, char *name_take, char *value_take)
{
	u->list = xreallocarray(u->list, u->count + 1, sizeof(*u->list));
	u->list[u->count++] = (struct unit){name_take, value_take};
}

static void add_text(struct units *u, const char *name, const char *value, const char *absent)
{
	if (value && strcmp(value, absent) != 0)
		add(u, xstrdup(name), xstrdup(value));
}

static void add_plain(struct units *u, const struct json_object *r)
{
	static const struct {
		const char *name, *absent;
	} texts[] = {
		{"summary", ""},           {"description", ""},     {"location", ""},
		{"colorId", ""},           {"status", "confirmed"}, {"transparency", "opaque"},
		{"visibility", "default"},
	};
	static const struct {
		const char *name;
		bool absent;
	} flags[] = {
		{"guestsCanInviteOthers", true},
		{"guestsCanModify", false},
		{"guestsCanSeeOtherGuests", true},
		{"anyoneCanAddSelf", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		add_text(u, texts[i].name, json_str(r, texts[i].name), texts[i].absent);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		bool value = json_flag(r, flags[i].name, flags[i].absent);

		if (value != flags[i].absent)
			add(u, xstrdup(flags[i].name), xstrdup(value ? "true" : "false"));
	}
}

/* "2026-03-01", or the instant in UTC. */
static void add_time(struct strbuf *sb, const struct json_object *time)
{
	const char *date = json_str(time, "date");
	const char *date_time = json_str(time, "dateTime");
	const char *zone = json_str(time, "timeZone");
	char text[RFC3339_LEN];
	struct rfc3339 t;
	struct err err;

	if (date) {
		strbuf_adds(sb, date);
		return;
	}
	if (!date_time || rfc3339_parse(date_time, &t, &err)) {
		strbuf_adds(sb, "?");
		return;
	}
	if (!t.has_offset)
		zone_to_utc(zone ? zone : "UTC", &t.civil, &t.utc);
	rfc3339_format(t.utc, 0, text);
	strbuf_adds(sb, text);
}

static void add_span(struct units *u, const struct json_object *r)
{
	const char *zone = json_path_str(r, "start/timeZone");
	struct strbuf sb = STRBUF_INIT;

	if (!json_get(r, "start"))
		return;
	add_time(&sb, json_get(r, "start"));
	strbuf_adds(&sb, " to ");
	add_time(&sb, json_get(r, "end"));
	/* A series is expanded in its zone: there it means something. */
	if (json_get(r, "recurrence") && zone)
		strbuf_addf(&sb, " %s", zone);
	add(u, xstrdup("time"), strbuf_detach(&sb));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_recurrence(struct units *u, const struct json_object *r)
{
	struct json_object *lines = json_get(r, "recurrence");
	size_t n = lines ? json_object_array_length(lines) : 0;
	AUTO(free) const char **sorted = xcalloc(n, sizeof(*sorted));
	struct strbuf sb = STRBUF_INIT;

	for (size_t i = 0; i < n; i++)
		sorted[i] = json_object_get_string(json_object_array_get_idx(lines, i));
	qsort(sorted, n, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&sb, "%s%s", i ? " " : "", sorted[i]);
	if (n)
		add(u, xstrdup("recurrence"), strbuf_detach(&sb));
}

static void add_reminders(struct units *u, const struct json_object *r)
{
	const struct json_object *reminders = json_get(r, "reminders");
	struct json_object *list = json_get(reminders, "overrides");
	size_t n = list ? json_object_array_length(list) : 0;
	struct strbuf sb = STRBUF_INIT;

	if (!reminders || (json_flag(reminders, "useDefault", false) && !n))
		return;
	strbuf_adds(&sb, json_flag(reminders, "useDefault", false) ? "default" : "own");
	for (size_t i = 0; i < n; i++) {
		const struct json_object *o = json_object_array_get_idx(list, i);

		strbuf_addf(&sb, " %s %d", json_str(o, "method"), (int)json_int(o, "minutes", -1));
	}
	add(u, xstrdup("reminders"), strbuf_detach(&sb));
}

static void add_guests(struct units *u, const struct json_object *r)
{
	struct json_object *list = json_get(r, "attendees");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const struct json_object *a = json_object_array_get_idx(list, i);
		const char *name = json_str(a, "displayName");
		const char *answer = json_str(a, "responseStatus");
		const char *comment = json_str(a, "comment");

		add(u, xasprintf("guest %s", json_str(a, "email")),
		    xasprintf("%s%s%s%s %s", answer ? answer : "needsAction",
			      json_flag(a, "optional", false) ? " optional" : "",
			      name ? " name " : "", name ? name : "", comment ? comment : ""));
	}
}

static void add_properties(struct units *u, const struct json_object *r)
{
	static const char *const kinds[] = {"private", "shared"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct json_object *map = json_get(json_get(r, "extendedProperties"), kinds[i]);

		if (!map)
			continue;
		json_object_object_foreach (map, key, value)
			if (value)
				add(u, xasprintf("%s %s", kinds[i], key),
				    xstrdup(json_object_get_string(value)));
	}
}

static void add_rest(struct units *u, const struct json_object *r)
{
	struct json_object *files = json_get(r, "attachments");
	const char *conference = json_path_str(r, "conferenceData/conferenceId");
	const char *asked = json_path_str(r, "conferenceData/createRequest/requestId");
	struct strbuf sb = STRBUF_INIT;

	if (json_get(r, "source"))
		add(u, xstrdup("source"),
		    xasprintf("%s %s", json_path_str(r, "source/url"),
			      json_path_str(r, "source/title") ? json_path_str(r, "source/title")
							       : ""));
	for (size_t i = 0; files && i < json_object_array_length(files); i++)
		strbuf_addf(&sb, "%s%s", i ? " " : "",
			    json_str(json_object_array_get_idx(files, i), "fileUrl"));
	if (sb.len)
		add(u, xstrdup("attachments"), strbuf_detach(&sb));
	strbuf_release(&sb);
	if (conference || asked)
		add(u, xstrdup("conference"), xstrdup(conference ? conference : "asked for"));
}

static int compare_units(const void *a, const void *b)
{
	return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

void units_read(const struct json_object *resource, struct units *out)
{
	*out = (struct units){0};
	add_plain(out, resource);
	add_span(out, resource);
	add_recurrence(out, resource);
	add_reminders(out, resource);
	add_guests(out, resource);
	add_properties(out, resource);
	add_rest(out, resource);
	if (out->count)
		qsort(out->list, out->count, sizeof(*out->list), compare_units);
}

void units_release(struct units *u)
{
	for (size_t i = 0; i < u->count; i++) {
		free(u->list[i].name);
		free(u->list[i].value);
	}
	free(u->list);
	*u = (struct units){0};
}

const char *units_get(const struct units *u, const char *name)
{
	for (size_t i = 0; i < u->count; i++)
		if (!strcmp(u->list[i].name, name))
			return u->list[i].value;
	return "";
}

static void note(struct strbuf *out, const char *name, const char *a, const char *b)
{
	strbuf_addf(out, "%s%s: '%s' and '%s'", out->len ? "; " : "", name, a, b);
}

bool units_differ(const struct units *a, const struct units *b, struct strbuf *out)
{
	size_t before = out->len;

	for (size_t i = 0; i < a->count; i++) {
		const char *other = units_get(b, a->list[i].name);

		if (strcmp(a->list[i].value, other) != 0)
			note(out, a->list[i].name, a->list[i].value, other);
	}
	for (size_t i = 0; i < b->count; i++)
		if (!*units_get(a, b->list[i].name))
			note(out, b->list[i].name, "", b->list[i].value);
	return out->len > before;
}

/* --- marks ------------------------------------------------------------------------------- */

char *event_mark(const struct json_object *resource)
{
	const char *mark = json_path_str(resource, "extendedProperties/shared/" MARK_KEY);
	const struct json_object *original = json_get(resource, "originalStartTime");
	struct strbuf sb = STRBUF_INIT;

	if (!mark)
		return NULL;
	strbuf_adds(&sb, mark);
	if (original) {
		strbuf_addc(&sb, '@');
		add_time(&sb, original);
	}
	return strbuf_detach(&sb);
}
