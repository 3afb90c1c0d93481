#include "cmd/event_diff.h"

#include <string.h>
#include <strings.h>

#include "cmd/event_print.h"
#include "model/event.h"
#include "base/banned.h"

#define TEXT_MAX   40 /* characters of a value */
#define GUESTS_MAX 4  /* named one by one */

struct json_object *event_diff_fields(const struct json_object *before,
				      const struct json_object *after)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *field = event_field_name(i);

		if (!event_field_equal(field, json_get(before, field), json_get(after, field)))
			json_object_array_add(list, json_object_new_string(field));
	}
	return list;
}

void event_diff_quote(const char *text, struct strbuf *out)
{
	size_t n = 0, chars = 0;

	if (!text || !*text) {
		strbuf_adds(out, "nothing");
		return;
	}
	/* A character begins with a byte that is no continuation. */
	for (; text[n]; n++) {
		chars += ((unsigned char)text[n] & 0xc0) != 0x80;
		if (chars > TEXT_MAX)
			break;
	}
	strbuf_addc(out, '\'');
	strbuf_add(out, text, n);
	strbuf_adds(out, text[n] ? "...'" : "'");
}

/* --- guests ------------------------------------------------------------------------------- */

static struct json_object *guest_of(const struct json_object *list, const char *email)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *guest = json_object_array_get_idx(list, i);
		const char *other = json_str(guest, "email");

		if (other && !strcasecmp(other, email))
			return guest;
	}
	return NULL;
}

static const char *answer_of(const struct json_object *guest)
{
	const char *answer = json_str(guest, "responseStatus");

	return answer ? answer : "needsAction";
}

static void add_guest(const char *sign, const char *email, const char *answer, size_t *count,
		      struct strbuf *out)
{
	if (++*count > GUESTS_MAX + 1)
		return;
	strbuf_adds(out, *count == 1 ? "" : ", ");
	if (*count > GUESTS_MAX)
		strbuf_adds(out, "...");
	else
		strbuf_addf(out, "%s%s%s%s", sign, email, *answer ? " " : "", answer);
}

static struct json_object *guests(const struct json_object *event)
{
	struct json_object *list = json_get(event, "attendees");

	return json_object_is_type(list, json_type_array) ? list : NULL;
}

static void guests_text(const struct json_object *before, const struct json_object *after,
			struct strbuf *out)
{
	struct json_object *had = guests(before);
	struct json_object *has = guests(after);
	size_t count = 0;

	for (size_t i = 0; has && i < json_object_array_length(has); i++) {
		const struct json_object *guest = json_object_array_get_idx(has, i);
		const char *email = json_str(guest, "email");
		const struct json_object *was = had && email ? guest_of(had, email) : NULL;

		if (email && !was)
			add_guest("+", email, "", &count, out);
		else if (email && strcmp(answer_of(was), answer_of(guest)) != 0)
			add_guest("", email, answer_of(guest), &count, out);
	}
	for (size_t i = 0; had && i < json_object_array_length(had); i++) {
		const char *email = json_str(json_object_array_get_idx(had, i), "email");

		if (email && (!has || !guest_of(has, email)))
			add_guest("-", email, "", &count, out);
	}
	if (!count)
		strbuf_adds(out, "changed");
}

/* --- fields ------------------------------------------------------------------------------- */

static void text_change(const char *field, const struct json_object *before,
			const struct json_object *after, struct strbuf *out)
{
	event_diff_quote(json_str(before, field), out);
	strbuf_adds(out, " -> ");
	event_diff_quote(json_str(after, field), out);
}

static void span_change(const struct json_object *before, const struct json_object *after,
			const char *zone, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf had = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf has = STRBUF_INIT;

	event_text_span(before, zone, &had);
	event_text_span(after, zone, &has);
	if (!strcmp(had.buf, has.buf))
		strbuf_addf(out, "%s, another time zone", has.buf);
	else
		strbuf_addf(out, "%s -> %s", had.len ? had.buf : "nothing",
			    has.len ? has.buf : "nothing");
}

static void strings_of(const struct json_object *event, const char *field, struct strbuf *out)
{
	struct json_object *list = json_get(event, field);

	for (size_t i = 0;
	     json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
		strbuf_addf(out, "%s%s", i ? " " : "",
			    json_object_get_string(json_object_array_get_idx(list, i)));
}

static void rules_change(const struct json_object *before, const struct json_object *after,
			 struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf had = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf has = STRBUF_INIT;

	strings_of(before, "recurrence", &had);
	strings_of(after, "recurrence", &has);
	event_diff_quote(had.buf, out);
	strbuf_adds(out, " -> ");
	event_diff_quote(has.buf, out);
}

/* How a person calls it; values are shown of those that are short texts. */
static const struct {
	const char *field, *label;
	bool text;
} labels[] = {
	{"summary", "title", true},     {"location", "where", true},
	{"colorId", "colour", true},    {"status", "status", true},
	{"transparency", "busy", true}, {"visibility", "visibility", true},
	{"description", NULL, false},   {"conferenceData", "meet", false},
};

static void change_text(const char *field, const struct json_object *before,
			const struct json_object *after, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		if (strcmp(labels[i].field, field) != 0)
			continue;
		strbuf_adds(out, labels[i].label ? labels[i].label : field);
		if (labels[i].text) {
			strbuf_adds(out, ": ");
			text_change(field, before, after, out);
		}
		return;
	}
	strbuf_adds(out, field);
}

void event_diff_text(const struct json_object *before, const struct json_object *after,
		     const char *zone, struct strbuf *out)
{
	AUTO(json_object_put) struct json_object *fields = event_diff_fields(before, after);
	bool span = false;

	for (size_t i = 0; i < json_object_array_length(fields); i++) {
		const char *field = json_object_get_string(json_object_array_get_idx(fields, i));
		bool times = !strcmp(field, "start") || !strcmp(field, "end");

		if (times && span)
			continue;
		span = span || times;
		strbuf_adds(out, out->len ? "; " : "");
		if (times) {
			strbuf_adds(out, "when: ");
			span_change(before, after, zone, out);
		} else if (!strcmp(field, "attendees")) {
			strbuf_adds(out, "guests: ");
			guests_text(before, after, out);
		} else if (!strcmp(field, "recurrence")) {
			strbuf_adds(out, "repeats: ");
			rules_change(before, after, out);
		} else {
			change_text(field, before, after, out);
		}
	}
}
