#include "cmd/event_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "base/banned.h"

#define INPUT_MAX   ((size_t)64 << 20)
#define REASONS_MAX 3 /* in one message; more of them are lines of their own */

struct reader {
	struct event_input *in;
	const char *zone;
	/* What was wrong so far. */
	struct strbuf reasons; /* "line 2: ...; line 5: ..." */
	struct strbuf places;  /* "2, 5" */
	size_t bad;
	struct err *held; /* bad of them: told when it is known how many there are */
};

void event_input_release(struct event_input *in)
{
	for (size_t i = 0; i < in->count; i++)
		json_object_put(in->items[i]);
	free(in->items);
	free(in->places);
	memset(in, 0, sizeof(*in));
}

/* --- one resource ------------------------------------------------------------------------- */

/* What Google puts into a resource, and what we put beside it in our own JSON. */
static const char *const read_only[] = {
	"kind",         "etag",
	"id",           "htmlLink",
	"created",      "updated",
	"creator",      "organizer",
	"iCalUID",      "sequence",
	"hangoutLink",  "privateCopy",
	"locked",       "endTimeUnspecified",
	"eventType",    "attendeesOmitted",
	"gadget",       "originalStartTime",
	"account",      "calendar",
	"syncStatus",   "googleEventId",
	"pendingOp",    "lastSyncError",
	"eventLabelId",
};

static int check_fields(struct json_object *r, struct err *err)
{
	json_object_object_foreach (r, key, value) {
		bool known = event_field_writable(key);

		(void)value;
		for (size_t i = 0; i < ARRAY_SIZE(read_only) && !known; i++)
			known = !strcmp(key, read_only[i]);
		if (!known)
			return err_set(err, ERR_INVALID, "unknown field '%s'", key);
	}
	return 0;
}

/* Local time without a zone means the calendar's, as at Google; here it is written down. */
static void fill_zone(struct json_object *r, const char *key, const char *zone)
{
	struct json_object *time = json_get(r, key);
	const char *text = json_str(time, "dateTime");
	struct rfc3339 at;
	struct err unused;

	if (text && !json_str(time, "timeZone") && !rfc3339_parse(text, &at, &unused) &&
	    !at.has_offset)
		json_set_str(time, "timeZone", zone);
}

static int check_id(struct json_object *r, struct err *err)
{
	const char *id = json_str(r, "id");

	if (json_get(r, "id") && !id)
		return err_set(err, ERR_INVALID, "id is no string");
	if (!id || event_id_valid(id))
		return 0;
	if (!strchr(id, '_'))
		return err_set(err, ERR_INVALID,
			       "id '%s' is not one that Google takes (5 to 1024 of a-v and 0-9); "
			       "without it a new one is made",
			       id);
	json_del(r, "id");
	return 0;
}

static int clean_resource(struct json_object *r, const char *zone, struct json_object **out,
			  struct err *err)
{
	AUTO(json_object_put) struct json_object *body = NULL;

	if (!json_object_is_type(r, json_type_object))
		return err_set(err, ERR_INVALID, "an event is a JSON object");
	if (event_is_exception(r))
		return err_set(err, ERR_INVALID,
			       "it is one occurrence of a series (recurringEventId), which cannot "
			       "be added alone");
	if (event_is_cancelled(r))
		return err_set(err, ERR_INVALID, "it is deleted (status cancelled)");
	if (check_fields(r, err) || check_id(r, err))
		return -1;
	fill_zone(r, "start", zone);
	fill_zone(r, "end", zone);
	if (event_check(r, NULL, err))
		return -1;
	body = event_insert_body(r);
	if (!json_get(body, "id"))
		json_del(body, "id");
	*out = TAKE(body);
	return 0;
}

/* --- the input ---------------------------------------------------------------------------- */

static void note_bad(struct reader *rd, size_t place, const struct err *why)
{
	rd->held = xreallocarray(rd->held, rd->bad + 1, sizeof(*rd->held));
	err_set(&rd->held[rd->bad], why->code, "%s %zu: %s", rd->in->unit, place, why->msg);
	strbuf_addf(&rd->reasons, "%s%s", rd->bad ? "; " : "", rd->held[rd->bad].msg);
	strbuf_addf(&rd->places, "%s%zu", rd->bad ? ", " : "", place);
	rd->bad++;
}

static void take_one(struct reader *rd, struct json_object *r, size_t place)
{
	struct event_input *in = rd->in;
	struct json_object *clean = NULL;
	struct err why;

	if (clean_resource(r, rd->zone, &clean, &why)) {
		note_bad(rd, place, &why);
		return;
	}
	in->items = xreallocarray(in->items, in->count + 1, sizeof(struct json_object *));
	in->places = xreallocarray(in->places, in->count + 1, sizeof(*in->places));
	in->items[in->count] = clean;
	in->places[in->count++] = place;
}

static void take_array(struct reader *rd, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		take_one(rd, json_object_array_get_idx(list, i), i + 1);
}

/* Each line that is not blank, as one object. */
static void take_lines(struct reader *rd, const char *text, size_t len)
{
	size_t line = 0;

	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline - text) : len;
		AUTO(json_object_put) struct json_object *r = NULL;
		struct err why;
		size_t blank = 0;

		line++;
		while (blank < n && strchr(" \t\r", text[blank]) && text[blank])
			blank++;
		if (blank < n) {
			if (json_parse(text, n, &r, &why))
				note_bad(rd, line, &why);
			else
				take_one(rd, r, line);
		}
		text += n + (newline != NULL);
		len -= n + (newline != NULL);
	}
}

/* Whether text that is no JSON as a whole is meant as one object per line: there is only one line,
 * or one that has a whole object to itself (those inside a printed object are indented). */
static bool looks_like_lines(const char *text)
{
	size_t lines = 0, objects = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");
		size_t end = n;

		while (end && strchr(" \t\r", text[end - 1]))
			end--;
		lines += end > 0;
		objects += end > 1 && *text == '{' && text[end - 1] == '}';
		text += n + (text[n] == '\n');
	}
	return lines == 1 || objects > 0;
}

static int read_text(const char *path, struct strbuf *out, struct err *err)
{
	AUTO(close_fd) int fd = -1;

	if (!strcmp(path, "-"))
		return io_read_fd(STDIN_FILENO, "standard input", INPUT_MAX, out, err);
	/* Not only a regular file: <(...) of a shell is a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_USAGE, "cannot open '%s': %s", path, strerror(errno));
	return io_read_fd(fd, path, INPUT_MAX, out, err);
}

/* Some editors and spreadsheets put a byte order mark in front of UTF-8. */
static size_t mark_len(const struct strbuf *text)
{
	return text->len >= 3 && !memcmp(text->buf, "\xef\xbb\xbf", 3) ? 3 : 0;
}

static int tell_bad(struct reader *rd, struct err *err)
{
	if (rd->bad <= REASONS_MAX)
		return err_set(err, ERR_INVALID, "nothing was added: %s", rd->reasons.buf);
	for (size_t i = 0; i < rd->bad; i++)
		log_error("event", "%s", rd->held[i].msg);
	return err_set(err, ERR_INVALID, "nothing was added: %zu of %zu events are bad (%s %s)",
		       rd->bad, rd->bad + rd->in->count, rd->in->unit, rd->places.buf);
}

int event_input_read(const char *path, const char *calendar_zone, struct event_input *out,
		     struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *root = NULL;
	AUTO(event_input_release) struct event_input in = {.unit = "line"};
	struct reader rd = {
		.in = &in, .zone = calendar_zone, .reasons = STRBUF_INIT, .places = STRBUF_INIT};
	const char *body;
	size_t len;
	int r = 0;

	if (read_text(path, &text, err))
		return -1;
	body = text.buf + mark_len(&text);
	len = text.len - mark_len(&text);
	if (strlen(body) != len)
		return err_set(err, ERR_INVALID, "the input is no text: it has a NUL byte");
	if (!json_parse(body, len, &root, err)) {
		in.unit = "event";
		if (json_object_is_type(root, json_type_array))
			take_array(&rd, root);
		else
			take_one(&rd, root, 1);
	} else if (looks_like_lines(body)) {
		take_lines(&rd, body, len);
	} else {
		r = body[strspn(body, " \t\r\n")] ? err_wrap(err, "nothing was added")
						  : err_set(err, ERR_INVALID, "the input is empty");
	}
	if (!r && rd.bad)
		r = tell_bad(&rd, err);
	else if (!r && !in.count)
		r = err_set(err, ERR_INVALID, "the input holds no event");
	strbuf_release(&rd.reasons);
	strbuf_release(&rd.places);
	free(rd.held);
	if (r)
		return -1;
	*out = in;
	memset(&in, 0, sizeof(in));
	return 0;
}
