#include "fg_query.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"

#include "base/banned.h"

#define YEAR_S          (365LL * DAY_S)
#define HORIZON_S       (3 * YEAR_S) /* how far ahead endless series go */
#define UPDATED_KEPT_MS (30LL * DAY_S * 1000)
#define TOKEN_KEPT_MS   (60LL * DAY_S * 1000)

/* What an incremental run must repeat unchanged. singleEvents=false is the same as nothing. */
static uint64_t binding_hash(const struct fg_query *q)
{
	static const char *const names[] = {"eventTypes", "showHiddenInvitations", "maxAttendees",
					    "timeZone"};
	uint64_t sum = q->single_events ? 1 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value;

		for (size_t k = 0; (value = fg_param_n(q->call, names[i], k)); k++)
			if (strcmp(value, "false") != 0)
				sum += fg_hash(fg_hash(FG_HASH_INIT, names[i]), value);
	}
	return sum;
}

char *fg_query_sync_token(const struct fg_query *q, uint64_t seq)
{
	const struct fg_account *account = q->call->account;
	AUTO(free)
	char *text = xasprintf("s:%u:%u:%u:%" PRIu64 ":%016" PRIx64 ":%" PRId64 ":%s",
			       q->entry->cal->serial, q->entry->epoch, account->cal->sync_epoch,
			       seq, binding_hash(q), fg_now_ms(q->call->fg), account->sub);

	return fg_token_seal(text);
}

static int fail_full_sync(struct fg_call *call)
{
	return fg_fail(call, 410, "calendar", "fullSyncRequired",
		       "Sync token is no longer valid, a full sync is required.", "parameter",
		       "syncToken");
}

static int read_sync_token(struct fg_query *q, const char *token)
{
	struct fg_call *call = q->call;
	const struct fg_account *account = call->account;
	AUTO(free) char *text = fg_token_open(token);
	unsigned serial, epoch, sync_epoch;
	uint64_t binding;
	int64_t issued;
	int used = 0;

	if (!text ||
	    sscanf(text, "s:%u:%u:%u:%" SCNu64 ":%" SCNx64 ":%" SCNd64 ":%n", &serial, &epoch,
		   &sync_epoch, &q->since, &binding, &issued, &used) != 6 ||
	    !used)
		return fg_fail_param(call, "Invalid sync token value.", "syncToken");
	if (serial != q->entry->cal->serial || strcmp(text + used, account->sub) != 0 ||
	    epoch != q->entry->epoch || sync_epoch != account->cal->sync_epoch ||
	    q->since > q->entry->cal->seq || fg_now_ms(call->fg) - issued > TOKEN_KEPT_MS)
		return fail_full_sync(call);
	if (binding != binding_hash(q)) {
		/* Google calls what happens then undefined; here it cannot go unnoticed. */
		fg_violation(call, "the sync token was made by a query with other parameters");
		return fg_fail_param(call, "Invalid sync token value.", "syncToken");
	}
	return 0;
}

static int check_token_params(struct fg_call *call)
{
	static const char *const forbidden[] = {"iCalUID",
						"orderBy",
						"privateExtendedProperty",
						"q",
						"sharedExtendedProperty",
						"timeMin",
						"timeMax",
						"updatedMin"};
	const char *deleted = fg_param(call, "showDeleted");

	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (fg_param(call, forbidden[i]))
			return fg_fail_param(
				call, "Sync token cannot be used with other request restrictions.",
				"syncToken");
	if (deleted && strcasecmp(deleted, "true") != 0)
		return fg_fail_param(call,
				     "Sync token cannot be used with other request restrictions.",
				     "syncToken");
	return 0;
}

/* An RFC 3339 time with an offset; fractions count for nothing. */
static int param_time(struct fg_call *call, const char *name, int64_t *out_s)
{
	const char *value = fg_param(call, name);
	struct rfc3339 t;
	struct err err;

	if (!value)
		return 0;
	if (rfc3339_parse(value, &t, &err) || !t.has_offset)
		return fg_fail(call, 400, "global", "badRequest", "Bad Request", NULL, NULL);
	*out_s = t.utc;
	return 0;
}

static int read_window(struct fg_query *q)
{
	int64_t now = fg_now_ms(q->call->fg) / 1000;

	q->time_min = INT64_MIN;
	q->time_max = FG_NEVER;
	if (param_time(q->call, "timeMin", &q->time_min) ||
	    param_time(q->call, "timeMax", &q->time_max))
		return -1;
	if (q->time_max <= q->time_min)
		return fg_fail(q->call, 400, "calendar", "timeRangeEmpty",
			       "The specified time range is empty.", "parameter", "timeMax");
	q->horizon = (q->time_min > now ? q->time_min : now) + HORIZON_S;
	if (q->time_max < q->horizon)
		q->horizon = q->time_max;
	return 0;
}

static int read_updated_min(struct fg_query *q)
{
	int64_t s = -1;

	q->updated_min = -1;
	if (!fg_param(q->call, "updatedMin"))
		return 0;
	if (param_time(q->call, "updatedMin", &s))
		return -1;
	if (s * 1000 < fg_now_ms(q->call->fg) - UPDATED_KEPT_MS)
		return fg_fail(q->call, 410, "calendar", "updatedMinTooLongAgo",
			       "The requested minimum modification time lies too far in the past.",
			       "parameter", "updatedMin");
	q->updated_min = s * 1000000;
	return 0;
}

static int read_order(struct fg_query *q)
{
	const char *value = fg_param(q->call, "orderBy");

	if (!value)
		return 0;
	if (!strcmp(value, "updated")) {
		q->order = FG_ORDER_UPDATED;
	} else if (!strcmp(value, "startTime") && q->single_events) {
		q->order = FG_ORDER_START;
	} else if (!strcmp(value, "startTime")) {
		return fg_fail_param(
			q->call,
			"The requested ordering is not available for the particular query.",
			"orderBy");
	} else {
		AUTO(free)
		char *message = xasprintf("Invalid value for: %s is not a valid value", value);

		return fg_fail_param(q->call, message, "orderBy");
	}
	return 0;
}

static int check_repeatable(struct fg_call *call)
{
	static const char types[] =
		" birthday default focusTime fromGmail outOfOffice workingLocation ";
	static const char *const props[] = {"privateExtendedProperty", "sharedExtendedProperty"};
	const char *value;

	for (size_t i = 0; (value = fg_param_n(call, "eventTypes", i)); i++) {
		AUTO(free) char *word = xasprintf(" %s ", value);

		if (!strstr(types, word) || strchr(value, ' ') || !*value) {
			AUTO(free)
			char *message =
				xasprintf("Invalid value for: %s is not a valid value", value);

			return fg_fail_param(call, message, "eventTypes");
		}
	}
	for (size_t k = 0; k < ARRAY_SIZE(props); k++)
		for (size_t i = 0; (value = fg_param_n(call, props[k], i)); i++)
			if (!strchr(value, '=') || *value == '=')
				return fg_fail_param(call, "Invalid Value", props[k]);
	return 0;
}

static bool loses_token(const struct fg_call *call)
{
	static const char *const names[] = {"orderBy",
					    "q",
					    "updatedMin",
					    "iCalUID",
					    "privateExtendedProperty",
					    "sharedExtendedProperty"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fg_param(call, names[i]))
			return true;
	return false;
}

/* A fault: the answer comes from a server that the last changes have not reached. Its sync token
 * says so, and they come with the next run. */
static void hold_back(struct fg_query *q)
{
	uint64_t seq = q->entry->cal->seq;
	uint64_t n = (uint64_t)q->call->bend_n;

	if (q->call->bend != FG_BEND_LATE || q->single_events || !q->keeps_token ||
	    fg_param(q->call, "eventTypes") || fg_param(q->call, "pageToken"))
		return;
	q->as_of = seq > n ? seq - n : 0;
	if (q->incremental && q->as_of < q->since)
		q->as_of = q->since;
	q->late = q->as_of < seq;
	q->call->fg->faults_hit += q->late;
}

int fg_query_init(struct fg_call *call, struct fg_entry *e, struct fg_query *out)
{
	const char *token = fg_param(call, "syncToken");
	bool hidden = false, email = false;

	*out = (struct fg_query){.entry = e, .call = call, .hash = fg_query_hash(call)};
	out->hash += e->cal->serial;
	if (token && check_token_params(call))
		return -1;
	if (fg_view_init(call, e, &out->view) || fg_page_size(call, 250, 2500, &out->page) ||
	    fg_param_bool(call, "singleEvents", &out->single_events) ||
	    fg_param_bool(call, "showDeleted", &out->show_deleted) ||
	    fg_param_bool(call, "showHiddenInvitations", &hidden) ||
	    fg_param_bool(call, "alwaysIncludeEmail", &email) || check_repeatable(call) ||
	    read_window(out))
		return -1;
	if (out->view.role == FG_ROLE_FREEBUSY)
		out->single_events = true;
	if (read_order(out) || read_updated_min(out))
		return -1;
	out->q = fg_param(call, "q");
	out->ical_uid = fg_param(call, "iCalUID");
	out->incremental = token != NULL;
	out->keeps_token = !loses_token(call);
	if (token && read_sync_token(out, token))
		return -1;
	hold_back(out);
	return 0;
}

int fg_query_instances(struct fg_call *call, struct fg_entry *e, struct fg_query *out)
{
	*out = (struct fg_query){.entry = e, .call = call, .hash = fg_query_hash(call)};
	out->hash += fg_hash(e->cal->serial, call->event_id);
	out->single_events = true;
	out->updated_min = -1;
	if (fg_view_init(call, e, &out->view) || fg_page_size(call, 250, 2500, &out->page) ||
	    fg_param_bool(call, "showDeleted", &out->show_deleted) || read_window(out))
		return -1;
	if (out->time_min != INT64_MIN)
		out->time_min--; /* instances documents it as inclusive */
	return 0;
}
