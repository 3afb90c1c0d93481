#include <string.h>

#include "base/json.h"
#include "base/term.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/occurrence.h"
#include "cmd/output.h"
#include "model/event.h"
#include "base/banned.h"

#define LABEL_WIDTH 14

struct shown {
	const struct cmd_context *cx;
	const struct event *event;
	const struct json_object *r;
};

/* label may be a field's name as it came from Google. */
static void row(const struct shown *s, const char *label, const char *text)
{
	AUTO(free) char *clean_label = term_clean(label);
	AUTO(free) char *clean = term_clean(text);

	if (*clean)
		out_printf("%s%-*s%s%s\n", out_style_on(s->cx, OUT_DIM), LABEL_WIDTH, clean_label,
			   out_style_off(s->cx), clean);
}

static void text_row(const struct shown *s, const char *label, const char *field)
{
	row(s, label, json_str(s->r, field));
}

/* A text of several lines keeps them, indented below its label. */
static void long_row(const struct shown *s, const char *label, const char *field)
{
	const char *text = json_str(s->r, field);

	while (text && *text) {
		size_t n = strcspn(text, "\n");
		AUTO(free) char *line = xstrndup(text, n);

		row(s, label, *line ? line : " ");
		label = "";
		text += n + (text[n] == '\n');
	}
}

static void when_rows(const struct shown *s)
{
	AUTO(strbuf_release) struct strbuf span = STRBUF_INIT;
	const char *zone = json_path_str(s->r, "start/timeZone");
	bool timed = json_path(s->r, "start/dateTime") != NULL;

	event_text_span(s->r, zone_system(), &span);
	if (timed)
		strbuf_addf(&span, " (%s)", zone_system());
	row(s, "when", span.buf);
	if (!timed || !zone || !strcmp(zone, zone_system()) || !zone_valid(zone))
		return;
	strbuf_reset(&span);
	event_text_span(s->r, zone, &span);
	strbuf_addf(&span, " (%s)", zone);
	row(s, "its own zone", span.buf);
}

/* Where the series has this occurrence, wherever that was moved to. */
static void original_row(const struct shown *s)
{
	AUTO(json_object_put) struct json_object *at = json_object_new_object();
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct json_object *original = json_get(s->r, "originalStartTime");

	if (!original)
		return;
	json_set(at, "start", json_clone(original));
	event_text_start(at, zone_system(), &text);
	row(s, "originally", text.buf);
}

static void string_rows(const struct shown *s, const char *label, const char *field)
{
	struct json_object *list = json_get(s->r, field);

	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++, label = "")
		row(s, label, json_object_get_string(json_object_array_get_idx(list, i)));
}

/* "Ada <ada@example.com>" */
static void add_person(const struct json_object *p, struct strbuf *out)
{
	const char *name = json_str(p, "displayName");
	const char *email = json_str(p, "email");

	if (name)
		strbuf_addf(out, "%s <%s>", name, email ? email : "");
	else
		strbuf_adds(out, email ? email : "");
}

static void person_row(const struct shown *s, const char *label, const char *field)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!json_get(s->r, field))
		return;
	add_person(json_get(s->r, field), &text);
	row(s, label, text.buf);
}

static void attendee_rows(const struct shown *s)
{
	struct json_object *list = json_get(s->r, "attendees");

	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *answer = json_str(a, "responseStatus");
		const char *comment = json_str(a, "comment");
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

		add_person(a, &text);
		strbuf_addf(&text, ": %s", answer ? answer : "needsAction");
		if (json_flag(a, "organizer", false))
			strbuf_adds(&text, ", organizer");
		if (json_flag(a, "self", false))
			strbuf_adds(&text, ", you");
		if (json_flag(a, "optional", false))
			strbuf_adds(&text, ", optional");
		if (json_flag(a, "resource", false))
			strbuf_adds(&text, ", resource");
		if (comment)
			strbuf_addf(&text, " (%s)", comment);
		row(s, i ? "" : "guests", text.buf);
	}
}

static void reminder_rows(const struct shown *s)
{
	struct json_object *reminders = json_get(s->r, "reminders");
	struct json_object *list = json_get(reminders, "overrides");

	if (json_flag(reminders, "useDefault", false))
		row(s, "reminders", "the calendar's");
	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *method = json_str(o, "method");
		AUTO(free)
		char *text = xasprintf("%lld min before, %s", (long long)json_int(o, "minutes", 0),
				       method ? method : "popup");

		row(s, i ? "" : "reminders", text);
	}
}

/* What Google says of an event and no row above shows: nothing stays unseen. */
static void other_rows(const struct shown *s)
{
	static const char *const seen[] = {
		"kind",         "etag",
		"id",           "summary",
		"start",        "end",
		"recurrence",   "location",
		"description",  "attendees",
		"reminders",    "organizer",
		"creator",      "status",
		"transparency", "visibility",
		"colorId",      "hangoutLink",
		"htmlLink",     "created",
		"updated",      "recurringEventId",
		"iCalUID",      "originalStartTime",
	};

	json_object_object_foreach ((struct json_object *)s->r, key, value) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(seen) && !known; i++)
			known = !strcmp(key, seen[i]);
		if (known)
			continue;
		if (json_object_is_type(value, json_type_string))
			row(s, key, json_object_get_string(value));
		else
			row(s, key, json_text(value));
	}
}

static void sync_rows(const struct shown *s)
{
	const struct event *e = s->event;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_adds(&text, sync_status_name(e->sync_status));
	if (e->pending != PENDING_NONE)
		strbuf_addf(&text, ", %s waits", pending_op_name(e->pending));
	row(s, "sync", text.buf);
	row(s, "sync error", e->last_error);
}

static void show(const struct shown *s)
{
	AUTO(free) char *title = term_clean(json_str(s->r, "summary"));

	out_printf("%s%s%s\n", out_style_on(s->cx, OUT_BOLD), *title ? title : "(no title)",
		   out_style_off(s->cx));
	when_rows(s);
	string_rows(s, "repeats", "recurrence");
	text_row(s, "occurrence of", "recurringEventId");
	original_row(s);
	text_row(s, "where", "location");
	text_row(s, "meet", "hangoutLink");
	long_row(s, "description", "description");
	attendee_rows(s);
	reminder_rows(s);
	person_row(s, "organizer", "organizer");
	person_row(s, "creator", "creator");
	text_row(s, "status", "status");
	text_row(s, "busy", "transparency");
	text_row(s, "visibility", "visibility");
	text_row(s, "colour", "colorId");
	row(s, "account", s->event->account);
	row(s, "calendar", s->event->calendar);
	sync_rows(s);
	row(s, "id", s->event->id);
	text_row(s, "iCalUID", "iCalUID");
	text_row(s, "link", "htmlLink");
	text_row(s, "created", "created");
	text_row(s, "updated", "updated");
	other_rows(s);
}

/* A row, or else an occurrence of a series that has none of its own. */
static int find(struct cmd_context *cx, const char *id, struct event *out, struct err *err)
{
	AUTO(event_release) struct event master = {0};
	AUTO(calendar_release) struct calendar calendar = {0};
	AUTO(occurrence_release) struct occurrence o = {0};

	if (!cmd_event(cx, id, out, err))
		return 0;
	if (err->code != ERR_NOT_FOUND || occurrence_find(cx, id, &master, &o, err) ||
	    store_calendar_get(cx->store, master.calendar_id, &calendar, err))
		return -1;
	occurrence_event(&master, calendar.time_zone, &o, out);
	return 0;
}

static int run_show(struct cmd_context *cx, struct err *err)
{
	AUTO(event_release) struct event event = {0};
	struct shown s = {.cx = cx, .event = &event};

	if (find(cx, cx->argv[0], &event, err))
		return -1;
	s.r = event.resource;
	if (cx->global.json)
		out_json(cx, json_event(&event));
	else
		show(&s);
	return 0;
}

const struct cmd cmd_event_show = {
	.name = "show",
	.parent = "event",
	.synopsis = "EVENT",
	.summary = "show everything about an event",
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_show,
};
