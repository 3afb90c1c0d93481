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

/* --- what there is ---------------------------------------------------------------------------- */

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

/* --- changes ---------------------------------------------------------------------------------- */

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

/* What became of the account's own copy of an event that somebody else changed. */
struct copy {
	const char *id;
	struct json_object *resource; /* owned; NULL = there is none */
};

static int find_copy(const struct fg_held *held, void *arg)
{
	struct copy *c = arg;

	if (strcmp(held->id, c->id) != 0 || strcmp(held->calendar, SIM_ACCOUNT) != 0)
		return 0;
	c->resource = json_object_get(held->resource);
	return 1;
}

static struct json_object *copy_of(struct world *w, const char *id)
{
	struct copy c = {.id = id};

	fg_each_event(w->fg, find_copy, &c);
	return c.resource;
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

/* The changed occurrences of a series, as it is now. */
struct occurrences {
	struct world *w;
	const struct found *series;
	unsigned no;
	void (*fn)(struct world *w, unsigned no, const struct fg_held *held);
};

static int see_occurrence(const struct fg_held *held, void *arg)
{
	const struct occurrences *o = arg;
	const char *master = json_str(held->resource, "recurringEventId");

	if (master && !strcmp(master, o->series->id) &&
	    !strcmp(held->calendar, o->series->calendar) && is_live(held))
		o->fn(o->w, o->no, held);
	return 0;
}

static void each_occurrence(struct world *w, const struct found *series, unsigned no,
			    void (*fn)(struct world *w, unsigned no, const struct fg_held *held))
{
	struct occurrences o = {w, series, no, fn};

	fg_each_event(w->fg, see_occurrence, &o);
}

static void note_gone(struct world *w, unsigned no, const struct fg_held *held)
{
	ledger_delete(w->ledger, AT_GOOGLE, no, held->resource);
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
	each_occurrence(w, &f, op->no, note_gone);
	json_object_put(hand_ask(w, hand_of(w, f.calendar), "DELETE", path, NULL));
	return true;
}

static bool is_gone(const struct fg_held *held)
{
	const struct json_object *organizer = json_get(held->resource, "organizer");

	return !held->stub && !strcmp(json_str(held->resource, "status"), "cancelled") &&
	       !json_str(held->resource, "recurringEventId") &&
	       (!organizer || json_flag(organizer, "self", false));
}

struct twin {
	const char *mark;
	bool found;
};

static int consider_twin(const struct fg_held *held, void *arg)
{
	struct twin *t = arg;
	AUTO(free) char *mark = is_live(held) ? event_mark(held->resource) : NULL;

	t->found |= mark && !strcmp(mark, t->mark);
	return t->found;
}

/* A store has brought it back already, under another id or in another calendar: a person would not
 * make it two. */
static bool has_twin(struct world *w, const struct json_object *gone)
{
	AUTO(free) char *mark = event_mark(gone);
	struct twin t = {.mark = mark};

	if (mark)
		fg_each_event(w->fg, consider_twin, &t);
	return t.found;
}

static bool undelete(struct world *w, const struct op *op)
{
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	AUTO(json_object_put) struct json_object *made = NULL;
	AUTO(found_release) struct found f = {0};
	AUTO(free) char *path = NULL;

	if (!find(w, op->seed, is_gone, &f) || has_twin(w, f.resource))
		return false;
	path = event_path(f.calendar, f.id, WRITE_QUERY);
	json_set_str(body, "status", "confirmed");
	made = hand_ask(w, hand_of(w, f.calendar), "PATCH", path, body);
	if (!made)
		return false;
	world_trace(w, "       %s in %s", f.id, f.calendar);
	ledger_write(w->ledger, AT_GOOGLE, op->no, NULL, made);
	/* Who deletes it and has not seen that it is back has not seen all, whatever it says. */
	ledger_move(w->ledger, AT_GOOGLE, op->no, made, f.calendar);
	return true;
}

/* --- occurrences ------------------------------------------------------------------------------ */

static bool is_series(const struct fg_held *held)
{
	const struct json_object *organizer = json_get(held->resource, "organizer");

	return is_live(held) && json_get(held->resource, "recurrence") &&
	       (!organizer || json_flag(organizer, "self", false) ||
		!strcmp(json_str(organizer, "email"), held->calendar));
}

/* One of the next occurrences of a series; of what was changed as it is now. */
static bool find_occurrence(struct world *w, const struct op *op, struct found *out)
{
	AUTO(json_object_put) struct json_object *page = NULL;
	AUTO(found_release) struct found series = {0};
	struct pick pick = {op->seed, 0};
	AUTO(free) char *rest = NULL;
	AUTO(free) char *path = NULL;
	struct json_object *items;

	if (!find(w, op->seed, is_series, &series))
		return false;
	rest = xasprintf("/instances?maxResults=%d", 5);
	path = event_path(series.calendar, series.id, rest);
	page = hand_ask(w, hand_of(w, series.calendar), "GET", path, NULL);
	items = json_get(page, "items");
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (!pick_better(&pick, item, json_str(item, "id")))
			continue;
		found_release(out);
		*out = (struct found){xstrdup(series.calendar), xstrdup(json_str(item, "id")),
				      json_object_get(item)};
	}
	return out->id != NULL;
}

static bool edit_occurrence(struct world *w, const struct op *op)
{
	AUTO(found_release) struct found f = {0};

	return find_occurrence(w, op, &f) && change(w, op, &f);
}

static bool cancel_occurrence(struct world *w, const struct op *op)
{
	AUTO(found_release) struct found f = {0};
	AUTO(free) char *path = NULL;

	if (!find_occurrence(w, op, &f))
		return false;
	path = event_path(f.calendar, f.id, "?sendUpdates=none");
	world_trace(w, "       %s in %s", f.id, f.calendar);
	ledger_delete(w->ledger, AT_GOOGLE, op->no, f.resource);
	json_object_put(hand_ask(w, hand_of(w, f.calendar), "DELETE", path, NULL));
	return true;
}

/* --- other calendars, other people ------------------------------------------------------------ */

static bool can_move(const struct fg_held *held)
{
	return is_live(held) && !json_str(held->resource, "recurringEventId") &&
	       json_flag(json_get(held->resource, "organizer"), "self", false);
}

static void note_moved(struct world *w, unsigned no, const struct fg_held *held)
{
	ledger_move(w->ledger, AT_GOOGLE, no, held->resource, "elsewhere");
}

static bool move(struct world *w, const struct op *op)
{
	AUTO(found_release) struct found f = {0};
	AUTO(json_object_put) struct json_object *moved = NULL;
	AUTO(strbuf_release) struct strbuf rest = STRBUF_INIT;
	AUTO(free) char *path = NULL;
	const char *to;

	if (w->h->calendars < 2 || !find(w, op->seed, can_move, &f) ||
	    hand_of(w, f.calendar) != HAND_ACCOUNT)
		return false;
	to = w->calendars[strcmp(f.calendar, w->calendars[0]) ? 0 : 1];
	strbuf_adds(&rest, "/move?sendUpdates=none&destination=");
	strbuf_add_urlencoded(&rest, to);
	path = event_path(f.calendar, f.id, rest.buf);
	each_occurrence(w, &f, op->no, note_moved);
	moved = hand_ask(w, HAND_ACCOUNT, "POST", path, NULL);
	if (!moved)
		return false;
	world_trace(w, "       %s from %s to %s", f.id, f.calendar, to);
	ledger_move(w->ledger, AT_GOOGLE, op->no, f.resource, to);
	return true;
}

static bool has_guest(const struct fg_held *held)
{
	return is_live(held) && !strcmp(held->calendar, SIM_ACCOUNT) &&
	       fields_guest(held->resource, SIM_GUEST) != NULL;
}

/* The guest's copy is on the guest's own calendar, under the same id. */
static bool answer(struct world *w, const struct op *op)
{
	AUTO(json_object_put) struct json_object *copy = NULL;
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *made = NULL;
	AUTO(json_object_put) struct json_object *after = NULL;
	AUTO(found_release) struct found f = {0};
	struct rng r = rng_from(op->seed, 2);
	AUTO(free) char *path = NULL;

	if (!find(w, op->seed, has_guest, &f))
		return false;
	path = event_path(SIM_GUEST, f.id, WRITE_QUERY);
	copy = hand_ask(w, HAND_GUEST, "GET", path, NULL);
	if (!copy || !fields_guest(copy, SIM_GUEST))
		return false;
	fields_answer(&r, op->no, SIM_GUEST, copy);
	body = json_object_new_object();
	json_set(body, "attendees", json_clone(json_get(copy, "attendees")));
	made = hand_ask(w, HAND_GUEST, "PATCH", path, body);
	after = copy_of(w, f.id);
	if (!made || !after)
		return false;
	world_trace(w, "       %s: %s", f.id, json_text(fields_guest(after, SIM_GUEST)));
	ledger_write(w->ledger, AT_GOOGLE, op->no, f.resource, after);
	return true;
}

static bool invite(struct world *w, const struct op *op)
{
	struct rng r = rng_from(op->seed, 2);
	AUTO(json_object_put) struct json_object *body = fields_make(&r, op->no, false);
	AUTO(free) char *path = event_path(SIM_HOST, NULL, WRITE_QUERY);
	AUTO(json_object_put) struct json_object *made = NULL;
	AUTO(json_object_put) struct json_object *copy = NULL;

	json_del(body, "attendees");
	fields_invite(body, SIM_ACCOUNT);
	made = hand_ask(w, HAND_HOST, "POST", path, body);
	copy = made ? copy_of(w, json_str(made, "id")) : NULL;
	if (!copy)
		return false;
	world_trace(w, "       %s: %s", json_str(made, "id"), json_text(copy));
	ledger_write(w->ledger, AT_GOOGLE, op->no, NULL, copy);
	return true;
}

static bool is_invitation(const struct fg_held *held)
{
	return is_live(held) && !strcmp(held->calendar, SIM_ACCOUNT) &&
	       fields_scope(held->resource) == FIELDS_INVITATION;
}

/* The host changes a text, or calls it off. */
static bool host(struct world *w, const struct op *op)
{
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	AUTO(json_object_put) struct json_object *after = NULL;
	AUTO(found_release) struct found f = {0};
	struct rng r = rng_from(op->seed, 2);
	AUTO(free) char *value = xasprintf("l%u", op->no * FIELDS_NUMBERS);
	AUTO(free) char *path = NULL;

	if (!find(w, op->seed, is_invitation, &f))
		return false;
	path = event_path(SIM_HOST, f.id, "?sendUpdates=none");
	world_trace(w, "       %s", f.id);
	if (rng_chance(&r, 30)) {
		ledger_delete(w->ledger, AT_GOOGLE, op->no, f.resource);
		json_object_put(hand_ask(w, HAND_HOST, "DELETE", path, NULL));
		return true;
	}
	json_set_str(body, "location", value);
	json_object_put(hand_ask(w, HAND_HOST, "PATCH", path, body));
	after = copy_of(w, f.id);
	if (after)
		ledger_write(w->ledger, AT_GOOGLE, op->no, f.resource, after);
	return after != NULL;
}

bool op_at_google(struct world *w, const struct op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_G_ADD:
		return add(w, op, false);
	case OP_G_ADD_SERIES:
		return add(w, op, true);
	case OP_G_EDIT:
		return edit(w, op);
	case OP_G_UNDELETE:
		return undelete(w, op);
	case OP_G_OCCURRENCE:
		return edit_occurrence(w, op);
	case OP_G_CANCEL:
		return cancel_occurrence(w, op);
	case OP_G_MOVE:
		return move(w, op);
	case OP_G_ANSWER:
		return answer(w, op);
	case OP_G_INVITE:
		return invite(w, op);
	case OP_G_HOST:
		return host(w, op);
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
