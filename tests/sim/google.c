/* What people do at Google, through its API, with tokens of their own. */
#include <inttypes.h>
#include <string.h>

#include "base/xalloc.h"
#include "cover.h"
#include "fields.h"
#include "pick.h"
#include "rng.h"
#include "world.h"

#include "base/banned.h"

#define WRITE_QUERY "?sendUpdates=none&conferenceDataVersion=1&supportsAttachments=true"

/* --- requests -------------------------------------------------------------------------------- */

int google_handle(struct world *w, const struct http_request *req, struct http_response *out)
{
	fg_set_clock(w->fg, w->now_ms);
	return fg_handle(w->fg, req, out);
}

static struct json_object *ask(struct world *w, const char *token, const char *method,
			       const char *path, const char *body, int *out_status)
{
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct http_request req = {.method = method, .url = path, .body = body};
	struct json_object *out = NULL;
	struct err err;

	if (token) {
		AUTO(free) char *bearer = xasprintf("Bearer %s", token);

		http_headers_add(&headers, "Authorization", bearer);
		http_headers_add(&headers, "User-Agent", "hand (gzip)");
		http_headers_add(&headers, "Accept-Encoding", "gzip");
	}
	if (body) {
		http_headers_add(&headers, "Content-Type", "application/json");
		req.body_len = strlen(body);
	}
	req.headers = headers;
	if (google_handle(w, &req, &r))
		abort();
	*out_status = r.status;
	if (r.body.len && json_parse(r.body.buf, r.body.len, &out, &err))
		abort();
	return out;
}

struct json_object *sandbox(struct world *w, const char *method, const char *path, const char *body)
{
	AUTO(free) char *url = xasprintf("/sandbox/%s", path);
	int status;
	struct json_object *out = ask(w, NULL, method, url, body, &status);

	if (status >= 300) {
		fprintf(stderr, "sim: %s %s %s: %d %s\n", method, url, body ? body : "", status,
			json_text(out));
		abort();
	}
	return out;
}

struct json_object *hand_ask(struct world *w, enum hand who, const char *method, const char *path,
			     struct json_object *body)
{
	AUTO(free) char *url = xasprintf("/calendar/v3/%s", path);
	int status;
	struct json_object *out;

	w->now_ms += 1000;
	out = ask(w, w->hands[who], method, url, body ? json_text(body) : NULL, &status);
	if (status < 300)
		return out;
	world_trace(w, "       refused: %d %s", status, json_path_str(out, "error/message"));
	json_object_put(out);
	return NULL;
}

static char *event_path(const char *calendar, const char *id, const char *rest)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "calendars/");
	strbuf_add_urlencoded(&sb, calendar);
	strbuf_adds(&sb, "/events");
	if (id) {
		strbuf_addc(&sb, '/');
		strbuf_add_urlencoded(&sb, id);
	}
	strbuf_adds(&sb, rest);
	return strbuf_detach(&sb);
}

/* --- what there is ------------------------------------------------------------------------------ */

struct found {
	char *calendar, *id;          /* owned */
	struct json_object *resource; /* owned */
};

struct search {
	struct world *w;
	struct pick pick;
	bool (*wanted)(const struct fg_held *held);
	struct found best;
};

static void found_release(struct found *f)
{
	free(f->calendar);
	free(f->id);
	json_object_put(f->resource);
	*f = (struct found){0};
}
DEFINE_AUTO_VALUE(struct found, found_release)

static bool is_ours(const struct world *w, const char *calendar)
{
	for (int i = 0; i < w->h->calendars; i++)
		if (!strcmp(w->calendars[i], calendar))
			return true;
	return false;
}

static bool is_live(const struct fg_held *held)
{
	return !held->stub && strcmp(json_str(held->resource, "status"), "cancelled") != 0;
}

static int consider(const struct fg_held *held, void *arg)
{
	struct search *s = arg;

	if (!is_ours(s->w, held->calendar) || !s->wanted(held) ||
	    !pick_better(&s->pick, held->resource, held->id))
		return 0;
	found_release(&s->best);
	s->best = (struct found){xstrdup(held->calendar), xstrdup(held->id),
				 json_object_get(held->resource)};
	return 0;
}

/* One of the account's events, by the seed. */
static bool find(struct world *w, uint32_t seed, bool (*wanted)(const struct fg_held *held),
		 struct found *out)
{
	struct search s = {.w = w, .pick = {seed, 0}, .wanted = wanted};

	fg_each_event(w->fg, consider, &s);
	*out = s.best;
	return out->id != NULL;
}

/* The account's own hand writes where it may; the shown calendar is its owner's. */
static enum hand hand_of(const struct world *w, const char *calendar)
{
	return !strcmp(calendar, w->calendars[2]) ? HAND_HOST : HAND_ACCOUNT;
}

/* --- changes --------------------------------------------------------------------------------------- */

/* The body of a patch: what differs, and null for what is gone. */
static struct json_object *patch_of(const struct json_object *from, const struct json_object *to)
{
	struct json_object *patch = json_object_new_object();

	json_object_object_foreach ((struct json_object *)to, key, value) {
		struct json_object *was = json_get(from, key);

		if (json_equal(was, value))
			continue;
		if (json_object_is_type(was, json_type_object) &&
		    json_object_is_type(value, json_type_object))
			json_set(patch, key, patch_of(was, value));
		else
			json_set(patch, key, json_object_get(value));
	}
	json_object_object_foreach ((struct json_object *)from, gone, old) {
		if (old && !json_get(to, gone))
			json_set(patch, gone, NULL);
	}
	return patch;
}

static bool add(struct world *w, const struct op *op, bool series)
{
	struct rng r = rng_from(op->seed, 2);
	const char *calendar = w->calendars[rng_below(&r, w->h->calendars)];
	AUTO(json_object_put) struct json_object *body = fields_make(&r, op->no, series);
	AUTO(free) char *path = event_path(calendar, NULL, WRITE_QUERY);
	AUTO(json_object_put)
	struct json_object *made = hand_ask(w, hand_of(w, calendar), "POST", path, body);

	if (!made)
		return false;
	world_trace(w, "       %s in %s: %s", json_str(made, "id"), calendar, json_text(body));
	ledger_write(w->ledger, AT_GOOGLE, op->no, NULL, made);
	return true;
}

static bool change(struct world *w, const struct op *op, const struct found *f)
{
	struct rng r = rng_from(op->seed, 2);
	AUTO(json_object_put) struct json_object *after = json_clone(f->resource);
	AUTO(free) char *path = event_path(f->calendar, f->id, WRITE_QUERY);
	AUTO(json_object_put) struct json_object *patch = NULL;
	AUTO(json_object_put) struct json_object *made = NULL;

	fields_change(&r, op->no, fields_scope(f->resource), after);
	patch = patch_of(f->resource, after);
	if (!json_object_object_length(patch))
		return false;
	made = hand_ask(w, hand_of(w, f->calendar), "PATCH", path, patch);
	if (!made)
		return false;
	world_trace(w, "       %s in %s: %s", f->id, f->calendar, json_text(patch));
	ledger_write(w->ledger, AT_GOOGLE, op->no, f->resource, made);
	return true;
}

static bool edit(struct world *w, const struct op *op)
{
	AUTO(found_release) struct found f = {0};

	return find(w, op->seed, is_live, &f) && change(w, op, &f);
}

static bool delete_event(struct world *w, const struct op *op)
{
	AUTO(found_release) struct found f = {0};
	AUTO(free) char *path = NULL;

	if (!find(w, op->seed, is_live, &f))
		return false;
	path = event_path(f.calendar, f.id, "?sendUpdates=none");
	world_trace(w, "       %s in %s", f.id, f.calendar);
	ledger_delete(w->ledger, AT_GOOGLE, op->no, f.resource);
	json_object_put(hand_ask(w, hand_of(w, f.calendar), "DELETE", path, NULL));
	return true;
}

bool op_at_google(struct world *w, const struct op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_G_ADD:
		return add(w, op, false);
	case OP_G_EDIT:
		return edit(w, op);
	case OP_G_DELETE:
		return delete_event(w, op);
	case OP_WAIT:
		w->now_ms += (int64_t)(op->seed % 100 < 80 ? 60000 : 3600000) *
			     (1 + op->seed / 100 % 40);
		return true;
	case OP_EXPIRE_ACCESS:
		json_object_put(sandbox(w, "POST", "expire", "{\"access_tokens\":true}"));
		return true;
	case OP_EXPIRE_SYNC:
		json_object_put(sandbox(w, "POST", "expire", "{\"sync_tokens\":true}"));
		return true;
	case OP_EXPIRE_PAGES:
		json_object_put(sandbox(w, "POST", "expire", "{\"page_tokens\":true}"));
		return true;
	default:
		abort();
	}
}
