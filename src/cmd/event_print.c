#include "cmd/event_print.h"

#include <string.h>

#include "base/time.h"
#include "model/event.h"
#include "base/banned.h"

struct local_span {
	bool all_day;
	struct civil start, end; /* all-day: the last day */
};

static bool read_span(const struct json_object *resource, const char *zone, struct local_span *out)
{
	int64_t start, end;

	if (!event_span(resource, "UTC", &start, &end, &out->all_day))
		return false;
	if (out->all_day) {
		civil_from_s(start, &out->start);
		civil_from_s(end > start ? end - DAY_S : start, &out->end);
		return true;
	}
	zone_civil(zone, start, &out->start);
	zone_civil(zone, end, &out->end);
	return true;
}

static void add_date(const struct civil *c, struct strbuf *out)
{
	char buf[DATE_LEN];

	date_format(c, buf);
	strbuf_adds(out, buf);
}

static void add_clock(const struct civil *c, struct strbuf *out)
{
	strbuf_addf(out, "%02d:%02d", c->hour, c->minute);
	if (c->second)
		strbuf_addf(out, ":%02d", c->second);
}

static void add_point(const struct civil *c, bool all_day, struct strbuf *out)
{
	add_date(c, out);
	if (!all_day) {
		strbuf_addc(out, ' ');
		add_clock(c, out);
	}
}

void event_text_start(const struct json_object *resource, const char *zone, struct strbuf *out)
{
	struct local_span s;

	if (read_span(resource, zone, &s))
		add_point(&s.start, s.all_day, out);
}

void event_text_end(const struct json_object *resource, const char *zone, struct strbuf *out)
{
	struct local_span s;

	if (read_span(resource, zone, &s))
		add_point(&s.end, s.all_day, out);
}

void event_text_span(const struct json_object *resource, const char *zone, struct strbuf *out)
{
	struct local_span s;
	bool same_day;

	if (!read_span(resource, zone, &s))
		return;
	same_day = s.start.year == s.end.year && s.start.month == s.end.month &&
		   s.start.day == s.end.day;
	add_point(&s.start, s.all_day, out);
	if (same_day && s.all_day)
		return;
	if (same_day) {
		strbuf_addc(out, '-');
		add_clock(&s.end, out);
		return;
	}
	strbuf_adds(out, " - ");
	add_point(&s.end, s.all_day, out);
}

const char *event_text_state(const struct event *e)
{
	if (e->sync_status ==
	    SYNC_ERROR) /* without a change of ours it is Google's that is wrong */
		return e->pending == PENDING_NONE ? "unreadable" : "refused";
	if (e->pending != PENDING_NONE)
		return "queued";
	return e->sync_status == SYNC_LOCAL_ONLY ? "local only" : "";
}
