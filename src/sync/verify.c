#include "sync/verify.h"

#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/google.h"
#include "model/event.h"
#include "sync/engine.h"
#include "sync/lock.h"
#include "sync/wire.h"

#define PAGE_SIZE 2500

struct verify {
	struct store *store;
	struct google *google;
	const struct calendar *c;
	struct json_object *seen;        /* ids that Google shows, a set */
	struct json_object *differences; /* list; owned by the calendar's part of the answer */
	int64_t events, waiting, local_only;
};

static void add_difference(struct verify *v, const char *kind, const struct json_object *event,
			   const char *id, struct json_object *fields_take)
{
	struct json_object *d = json_object_new_object();

	json_set_str(d, "kind", kind);
	json_set_str(d, "id", id);
	json_set_str(d, "summary", json_str(event, "summary"));
	json_set(d, "fields", fields_take ? fields_take : json_object_new_array());
	json_object_array_add(v->differences, d);
}

static void add_field(struct json_object *fields, const char *field,
		      const struct json_object *local, const struct json_object *remote)
{
	struct json_object *f = json_object_new_object();

	json_set_str(f, "field", field);
	json_set(f, "local", json_clone(json_get(local, field)));
	json_set(f, "remote", json_clone(json_get(remote, field)));
	json_object_array_add(fields, f);
}

/* NULL: no field differs. */
static struct json_object *differing_fields(const struct json_object *local,
					    const struct json_object *remote)
{
	bool cancelled = event_is_cancelled(local);
	struct json_object *fields;

	if (cancelled && event_is_cancelled(remote))
		return NULL;
	fields = json_object_new_array();
	if (cancelled || event_is_cancelled(remote)) {
		add_field(fields, "status", local, remote);
		return fields;
	}
	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);

		if (!event_field_equal(name, json_get(local, name), json_get(remote, name)))
			add_field(fields, name, local, remote);
	}
	if (json_object_array_length(fields))
		return fields;
	json_object_put(fields);
	return NULL;
}

/* A change that waits, or the delete of its series. */
static bool is_waiting(const struct event *row)
{
	return row->pending != PENDING_NONE || row->hidden;
}

/* What cannot be read cannot be said to be the same, also when its row says so. */
static bool is_unreadable(struct verify *v, const char *id, const struct json_object *item)
{
	struct err why;

	if (id && !aside_check(item, &why))
		return false;
	if (!id)
		err_set(&why, ERR_GOOGLE, "it has no id");
	log_warn("verify", "calendar '%s': event '%s' cannot be read: %s", v->c->summary,
		 id ? id : "", why.msg);
	add_difference(v, "unreadable", item, id, NULL);
	return true;
}

static int compare_item(struct verify *v, const struct json_object *item, struct err *err)
{
	const char *id = wire_item_id(item);
	AUTO(event_release) struct event row = {0};
	struct json_object *fields;
	bool found;

	/* A tombstone that nobody asked for is nothing; a page may repeat what another one
	 * showed. */
	if (id &&
	    (json_has(v->seen, id) || (event_is_cancelled(item) && !event_is_exception(item))))
		return 0;
	if (id)
		json_set_bool(v->seen, id, true);
	v->events += !event_is_cancelled(item);
	if (is_unreadable(v, id, item))
		return 0;
	if (store_event_get(v->store, v->c->id, id, &row, &found, err))
		return -1;
	if (!found) {
		add_difference(v, "missing_here", item, id, NULL);
		return 0;
	}
	if (is_waiting(&row)) {
		v->waiting++;
		return 0;
	}
	fields = differing_fields(row.resource, item);
	if (fields)
		add_difference(v, "differs", row.resource, id, fields);
	return 0;
}

static int compare_row(const struct event *row, void *arg)
{
	struct verify *v = arg;

	if (json_has(v->seen, row->id))
		return 0;
	if (is_waiting(row))
		v->waiting++;
	else if (!row->at_google)
		v->local_only++;
	else
		add_difference(v, "missing_at_google", row->resource, row->id, NULL);
	return 0;
}

/* What is here and was not shown. */
static int compare_rows(struct verify *v, struct err *err)
{
	struct event_query q = EVENT_QUERY_INIT;

	q.calendar_id = v->c->id;
	q.include_hidden = q.include_cancelled = true;
	return store_event_each(v->store, &q, compare_row, v, err);
}

static int fetch(struct verify *v, const char *page_token, struct json_object **out,
		 struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct gcall call = {.method = "GET"};

	path_events(&path, v->c->google_id, NULL);
	strbuf_addf(&path, "?maxResults=%d&prettyPrint=false", PAGE_SIZE);
	if (page_token) {
		strbuf_adds(&path, "&pageToken=");
		strbuf_add_urlencoded(&path, page_token);
	}
	call.path = path.buf;
	call.salvage = "items";
	if (google_call(v->google, &call, out, err))
		return -1;
	if (json_object_is_type(json_get(*out, "items"), json_type_array))
		return 0;
	json_object_put(TAKE(*out));
	return err_set(err, ERR_GOOGLE, "the answer to events.list holds no items");
}

static int compare_pages(struct verify *v, struct err *err)
{
	AUTO(json_object_put) struct json_object *pages = json_object_new_object();
	AUTO(free) char *token = NULL;

	for (;;) {
		AUTO(json_object_put) struct json_object *page = NULL;
		struct json_object *items;
		const char *next;

		if (fetch(v, token, &page, err) ||
		    wire_next_page(page, pages, "events.list", &next, err))
			return -1;
		items = json_get(page, "items");
		for (size_t i = 0; i < json_object_array_length(items); i++)
			if (compare_item(v, json_object_array_get_idx(items, i), err))
				return -1;
		if (!next)
			return compare_rows(v, err);
		xstr_set(&token, next);
	}
}

/* --- calendars and the account ------------------------------------------------------------- */

static struct json_object *verify_calendar(const struct sync_env *env, struct google *google,
					   const struct calendar *c, struct err *why)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	struct json_object *answer = json_object_new_object();
	struct verify v = {.store = env->store, .google = google, .c = c, .seen = seen};
	struct err trouble = {0};
	int result;

	v.differences = json_object_new_array();
	json_set_str(answer, "calendar", c->google_id);
	json_set_str(answer, "summary", c->summary);
	result = compare_pages(&v, &trouble);
	*why = result ? trouble : (struct err){0};
	if (result) { /* half of a comparison says nothing */
		json_object_put(v.differences);
		v.differences = json_object_new_array();
		engine_explain_calendar(c, why);
	}
	json_set_bool(answer, "success", !result);
	json_set(answer, "error", sync_error_json(why));
	json_set_int(answer, "events", v.events);
	json_set_int(answer, "waiting", v.waiting);
	json_set_int(answer, "localOnly", v.local_only);
	json_set(answer, "differences", v.differences);
	return answer;
}

static void add_up(struct json_object *sum, const struct json_object *part, const char *member)
{
	json_set_int(sum, member, json_int(sum, member, 0) + json_int(part, member, 0));
}

static int verify_calendars(const struct sync_env *env, const struct account *a,
			    struct google *google, const struct verify_options *o,
			    struct json_object *answer, struct err *err)
{
	static const char *const sums[] = {"events", "waiting", "localOnly"};
	AUTO(calendar_list_release) struct calendar_list list = {0};
	struct json_object *calendars = json_get(answer, "calendars");
	int64_t differences = 0;
	struct err first = {0};

	if (store_calendar_list(env->store, a->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct calendar *c = &list.items[i];
		struct json_object *part;
		struct err why;

		if (o->calendar ? strcmp(c->google_id, o->calendar) != 0 : !c->selected || c->gone)
			continue;
		part = verify_calendar(env, google, c, &why);
		json_object_array_add(calendars, part);
		for (size_t k = 0; k < ARRAY_SIZE(sums); k++)
			add_up(answer, part, sums[k]);
		differences += (int64_t)json_object_array_length(json_get(part, "differences"));
		if (why.code != ERR_NONE && first.code == ERR_NONE)
			first = why;
		if (engine_is_fatal(&why))
			break;
	}
	json_set_int(answer, "differences", differences);
	if (first.code == ERR_NONE)
		return 0;
	*err = first;
	return -1;
}

static int verify_locked(const struct sync_env *env, const struct account *a,
			 const struct verify_options *o, struct json_object *answer,
			 struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(google_free) struct google *google = NULL;
	int result;

	/* The lock: half of another process's sync would look like differences. */
	if (account_check_state(a, err) ||
	    account_lock_take(store_path(env->store), a->id, env->clock, o->wait_ms, &lock, err) ||
	    engine_open_google(env, a, GOOGLE_PATIENT, 0, true, &google, err))
		return -1;
	result = verify_calendars(env, a, google, o, answer, err);
	json_set_int(answer, "requests", google_requests(google));
	return result;
}

/* Nothing was compared yet. */
static struct json_object *new_answer(const struct account *account)
{
	static const char *const counts[] = {"requests", "events", "waiting", "localOnly",
					     "differences"};
	struct json_object *answer = json_object_new_object();

	json_set_str(answer, "account", account->name);
	json_set_bool(answer, "success", false);
	json_set(answer, "error", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_set_int(answer, counts[i], 0);
	json_set(answer, "calendars", json_object_new_array());
	return answer;
}

struct json_object *verify_failure(const struct account *account, const struct err *why)
{
	struct json_object *answer = new_answer(account);

	json_set(answer, "error", sync_error_json(why));
	return answer;
}

struct json_object *verify_account(const struct sync_env *env, const struct account *account,
				   const struct verify_options *o)
{
	struct json_object *answer = new_answer(account);
	struct err err = {0};

	if (verify_locked(env, account, o, answer, &err))
		json_set(answer, "error", sync_error_json(&err));
	else
		json_set_bool(answer, "success", true);
	return answer;
}
