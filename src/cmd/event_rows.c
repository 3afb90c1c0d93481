#include "cmd/event_rows.h"

#include <string.h>

#include "base/json.h"
#include "base/term.h"
#include "base/time.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "base/banned.h"

const char *event_rows_format(const struct cmd_context *cx, const char *format)
{
	if (format)
		return format;
	return cx->global.json ? "json" : "table";
}

int event_rows_query(struct cmd_context *cx, const char *calendar, const char *search,
		     struct event_query *out, char out_calendar_zone[64], struct err *err)
{
	AUTO(account_release) struct account account = {0};
	AUTO(calendar_release) struct calendar c = {0};
	const char *wish = cmd_account_wish(cx);
	const char *zone = zone_system();

	if (wish && cmd_account_named(cx, wish, &account, err))
		return -1;
	if (calendar) {
		if (cmd_calendar(cx, account.id, calendar, &c, err))
			return -1;
		zone = zone_valid(c.time_zone) ? c.time_zone : zone;
	}
	out->account_id = account.id;
	out->calendar_id = c.id;
	out->masters = true;
	out->search = search;
	snprintf(out_calendar_zone, 64, "%s", zone);
	return 0;
}

int event_row_json(const struct event *e, void *arg)
{
	struct event_rows *rows = arg;
	AUTO(json_object_put) struct json_object *o = json_event(e);

	rows->cx->json_printed = true;
	out_printf("%s%s", rows->count++ ? "," : "[", json_text(o));
	return 0;
}

int event_row_ndjson(const struct event *e, void *arg)
{
	struct event_rows *rows = arg;
	AUTO(json_object_put) struct json_object *o = json_event(e);

	rows->count++;
	out_ndjson(rows->cx, o);
	return 0;
}

static const char *time_text(const struct json_object *resource, const char *key)
{
	struct json_object *time = json_get(resource, key);
	const char *date = json_str(time, "date");

	if (date)
		return date;
	return json_str(time, "dateTime") ? json_str(time, "dateTime") : "";
}

int event_row_tsv(const struct event *e, void *arg)
{
	struct event_rows *rows = arg;
	const char *const cells[] = {
		e->account,
		e->calendar,
		time_text(e->resource, "start"),
		time_text(e->resource, "end"),
		json_str(e->resource, "summary"),
		json_str(e->resource, "location"),
		sync_status_name(e->sync_status),
		pending_op_name(e->pending),
	};

	rows->count++;
	out_printf("%s", e->id);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		AUTO(free) char *text = term_clean(cells[i]); /* no tab, no newline */

		out_printf("\t%s", text);
	}
	out_printf("\n");
	return 0;
}

void event_rows_json_end(struct event_rows *rows)
{
	rows->cx->json_printed = true;
	out_printf("%s]\n", rows->count ? "" : "[");
}

void event_rows_tsv_head(void)
{
	out_printf("id\taccount\tcalendar\tstart\tend\tsummary\tlocation\tsyncStatus\tpendingOp\n");
}
