#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "store/account_seal.h"

#include "base/banned.h"

static void must(int status, const char *what, const struct err *err)
{
	if (!status)
		return;
	fprintf(stderr, "sim: %s: %s\n", what, err->msg);
	abort();
}

/* --- the lab ----------------------------------------------------------------------------- */

void lab_open(struct lab *lab, const char *dir)
{
	AUTO(free) char *key = xasprintf("%s/key", dir);
	struct err err;

	*lab = (struct lab){0};
	snprintf(lab->dir, sizeof(lab->dir), "%s", dir);
	must(secret_box_open(key_provider_find("file"), key, true, &lab->box, &err), key, &err);
	unlink(key);
}

void lab_close(struct lab *lab)
{
	for (int i = 0; i < SIM_STORES; i++) {
		store_close(lab->files[i].store);
		peek_close(lab->files[i].peek);
		free(lab->files[i].db);
	}
	secret_box_free(lab->box);
}

/* --- breaches, traces ---------------------------------------------------------------------- */

void world_break(struct world *w, const char *invariant, const char *fmt, ...)
{
	AUTO(free) char *text = NULL;
	va_list ap;

	if (w->broken)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	w->broken = invariant;
	strbuf_adds(&w->why, text);
	world_trace(w, "BROKEN: %s: %s", invariant, text);
}

void world_trace(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->trace)
		return;
	va_start(ap, fmt);
	vfprintf(w->trace, fmt, ap);
	va_end(ap);
	fputc('\n', w->trace);
}

/* --- time ---------------------------------------------------------------------------------- */

static int64_t side_now(struct clock *c)
{
	const struct side *s = ((struct side_clock *)c)->side;

	return s->world->now_ms + s->world->h->skew_ms[s->index];
}

static int64_t side_mono(struct clock *c)
{
	return ((struct side_clock *)c)->side->world->now_ms;
}

static void side_sleep(struct clock *c, int64_t ms)
{
	if (ms > 0)
		((struct side_clock *)c)->side->world->now_ms += ms;
}

/* --- stores -------------------------------------------------------------------------------- */

static void seal(struct side *s, const struct account *a, const char *field, const char *value)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	struct err err;

	must(account_seal(s->env.box, a, field, value, strlen(value), &sealed, &err), "seal", &err);
	must(store_secret_put(s->store, a->id, field, sealed.buf, sealed.len, &err), "secret",
	     &err);
}

void side_connect(struct side *s)
{
	AUTO(json_object_put)
	struct json_object *token = sandbox(s->world, "POST", "token", "{\"refresh\":true}");
	AUTO(account_release) struct account a = {0};
	struct err err;

	must(store_account_get(s->store, "me", &a, &err), "account", &err);
	a.state = ACCOUNT_CONNECTED;
	a.token_expires_ms = 0;
	must(store_account_update(s->store, &a, &err), "account", &err);
	seal(s, &a, "refresh_token", json_str(token, "refresh_token"));
}

static void add_account(struct side *s)
{
	struct account a = {
		.name = (char *)"me",
		.email = (char *)SIM_ACCOUNT,
		.base_url = (char *)"http://127.0.0.1:1",
		.auth = (char *)"installed",
		.client_id = (char *)"calsync-sandbox.apps.googleusercontent.com",
		.scopes = (char *)"https://www.googleapis.com/auth/calendar",
		.connected_ms = s->world->now_ms,
	};
	struct err err;

	must(store_account_add(s->store, &a, &err), "account", &err);
	seal(s, &a, "client_secret", "sandbox-secret");
	side_connect(s);
}

/* Ask for the calendars, and select them all. */
static void select_calendars(struct side *s)
{
	struct google_options o = {.transport = &s->transport,
				   .clock = &s->clock.clock,
				   .store = s->store,
				   .box = s->env.box};
	AUTO(calendar_list_release) struct calendar_list list = {0};
	AUTO(account_release) struct account a = {0};
	AUTO(google_free) struct google *g = NULL;
	struct err err;
	int64_t changed;

	must(store_account_get(s->store, "me", &a, &err), "account", &err);
	must(google_new(&a, &o, &g, &err), "google", &err);
	must(sync_calendar_list(g, s->store, &a, &changed, &err), "calendars", &err);
	must(store_calendar_list(s->store, a.id, &list, &err), "calendars", &err);
	for (size_t i = 0; i < list.count; i++) {
		must(store_calendar_set_selected(s->store, list.items[i].id, true, &err), "select",
		     &err);
		for (int k = 0; k < s->world->h->calendars; k++)
			if (!strcmp(s->world->calendars[k], list.items[i].google_id))
				s->calendars[k] = list.items[i].id;
	}
}

void side_open(struct side *s)
{
	struct err err;

	must(store_open(s->db, 0, &s->store, &err), s->db, &err);
	s->env.store = s->store;
}

static void remove_files(const char *db)
{
	static const char *const files[] = {"", "-wal", "-shm", "-lock"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free) char *path = xasprintf("%s%s", db, files[i]);

		unlink(path);
	}
}

/* A file that an earlier history has used, or a new one. */
static void take_file(struct side *s)
{
	struct lab_file *f = &s->world->lab->files[s->index];
	struct err err;

	if (!f->store) {
		f->db = xasprintf("%s/%d.db", s->world->lab->dir, s->index);
		remove_files(f->db); /* of one that died */
		must(store_open(f->db, STORE_CREATE, &f->store, &err), f->db, &err);
		f->peek = peek_open(f->db);
	}
	s->db = f->db;
	s->peek = f->peek;
	s->store = s->env.store = TAKE(f->store);
}

static void side_make(struct world *w, int index)
{
	struct side *s = &w->sides[index];

	*s = (struct side){.world = w, .index = index};
	s->clock = (struct side_clock){{side_now, side_mono, side_sleep}, s};
	net_init(s);
	s->env = (struct sync_env){
		.box = w->lab->box, .transport = &s->transport, .clock = &s->clock.clock};
	take_file(s);
	add_account(s);
	select_calendars(s);
}

void side_close(struct side *s)
{
	struct lab_file *f;

	if (!s->db)
		return;
	f = &s->world->lab->files[s->index];
	peek_wipe(s->peek);
	f->store = s->store;
	hashset_release(&s->seen);
}

/* --- the world ------------------------------------------------------------------------------- */

static char *hand_token(struct world *w, const char *account)
{
	AUTO(free) char *body = xasprintf("{\"account\":\"%s\"}", account);
	AUTO(json_object_put) struct json_object *t = sandbox(w, "POST", "token", body);

	return xstrdup(json_str(t, "access_token"));
}

static void add_calendar(struct world *w, const char *account, const char *id, const char *role)
{
	AUTO(free)
	char *body = xasprintf("{\"account\":\"%s\",\"id\":\"%s\",\"summary\":\"%s\","
			       "\"accessRole\":\"%s\"}",
			       account, id, id, role);

	json_object_put(sandbox(w, "POST", "calendars", body));
}

static void make_google(struct world *w)
{
	static const char *const ids[] = {SIM_ACCOUNT, "second@group.calendar.google.com",
					  "shown@group.calendar.google.com"};
	struct fg_options o = {.seed = w->h->seed,
			       .now_ms = SIM_NOW_MS,
			       .base_url = "http://127.0.0.1:1",
			       .account = SIM_ACCOUNT,
			       .time_zone = SIM_ZONE};
	AUTO(free)
	char *config =
		xasprintf("{\"max_page\":%d,\"empty_pages\":%s,\"max_batch_parts\":%d,"
			  "\"log_requests\":false}",
			  w->h->max_page, w->h->empty_pages ? "true" : "false", w->h->max_batch);

	memcpy(w->calendars, ids, sizeof(ids));
	w->fg = fg_new(&o);
	json_object_put(sandbox(w, "POST", "accounts", "{\"email\":\"" SIM_GUEST "\"}"));
	json_object_put(sandbox(w, "POST", "accounts", "{\"email\":\"" SIM_HOST "\"}"));
	json_object_put(sandbox(w, "POST", "config", config));
	if (w->h->calendars > 1)
		add_calendar(w, SIM_ACCOUNT, ids[1], "owner");
	if (w->h->calendars > 2) {
		add_calendar(w, SIM_HOST, ids[2], "owner");
		add_calendar(w, SIM_ACCOUNT, ids[2], "reader");
	}
	w->hands[HAND_ACCOUNT] = hand_token(w, SIM_ACCOUNT);
	w->hands[HAND_GUEST] = hand_token(w, SIM_GUEST);
	w->hands[HAND_HOST] = hand_token(w, SIM_HOST);
}

void world_make(struct world *w, const struct sim_history *h, struct lab *lab, FILE *trace)
{
	*w = (struct world){
		.h = h, .lab = lab, .trace = trace, .now_ms = SIM_NOW_MS, .why = STRBUF_INIT};
	random_seed_for_tests(h->seed * 2 + 1);
	w->ledger = ledger_new();
	make_google(w);
	for (int i = 0; i < h->stores; i++)
		side_make(w, i);
}

void world_release(struct world *w)
{
	for (int i = 0; i < SIM_STORES; i++)
		side_close(&w->sides[i]);
	for (size_t i = 0; i < ARRAY_SIZE(w->hands); i++)
		free(w->hands[i]);
	fg_free(w->fg);
	ledger_free(w->ledger);
	strbuf_release(&w->why);
	random_seed_for_tests(0);
}
