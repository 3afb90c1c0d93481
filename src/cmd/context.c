#include "cmd/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "google/http.h"
#include "base/banned.h"

#define NEEDS_ANY_STORE (NEEDS_STORE | NEEDS_STORE_CREATE | NEEDS_STORE_OPTIONAL)

void cmd_warn_dead(const struct account *a)
{
	AUTO(free) char *word = account_word(a->name);

	if (a->state == ACCOUNT_REAUTH_REQUIRED)
		log_warn("account", "account '%s' must be connected again: calsync connect %s",
			 a->name, word);
}

/* An account that is not there the command itself tells of. */
static void tell_dead(struct cmd_context *cx)
{
	AUTO(account_list_release) struct account_list l = {0};
	struct err err;

	if (!(cx->cmd->flags & CMD_TELLS_DEAD) || !cx->store || cmd_accounts(cx, &l, &err))
		return;
	for (size_t i = 0; i < l.count; i++)
		cmd_warn_dead(&l.items[i]);
}

static int open_needs(struct cmd_context *cx, struct err *err)
{
	unsigned needs = cx->cmd->needs;
	AUTO(free) char *path = NULL;

	if (!needs)
		return 0;
	if (config_load(cx->global.config, &cx->config, err))
		return -1;
	if (!(needs & NEEDS_ANY_STORE))
		return 0;
	if (cx->global.db && !*cx->global.db)
		return err_set(err, ERR_USAGE, "--db needs the name of a file");
	path = config_db_path(cx->config, cx->global.db);
	if ((needs & NEEDS_STORE_OPTIONAL) && access(path, F_OK) && errno == ENOENT)
		return 0;
	if (!store_open(path, needs & NEEDS_STORE_CREATE ? STORE_CREATE : 0, &cx->store, err))
		return 0;
	/* An empty file is a store that nobody has been connected in either. */
	return (needs & NEEDS_STORE_OPTIONAL) && err->code == ERR_NOT_CONNECTED ? 0 : -1;
}

int cmd_open(struct cmd_context *cx, struct err *err)
{
	if (open_needs(cx, err))
		return -1;
	tell_dead(cx);
	return 0;
}

void cmd_context_release(struct cmd_context *cx)
{
	if (cx->opts) {
		for (const struct option_spec *o = cx->cmd->options; o && o->type != OPTION_END;
		     o++)
			if (o->type == OPTION_STRINGS)
				free(((struct string_list *)((char *)cx->opts + o->offset))->items);
		free(cx->opts);
	}
	free(cx->argv);
	if (cx->transport)
		cx->transport->free(cx->transport);
	secret_box_free(cx->box);
	store_close(cx->store);
	config_free(cx->config);
}

/* --- accounts ---------------------------------------------------------------------------- */

#define NAME_MAX_BYTES 200

int cmd_check_account_name(const char *name, struct err *err)
{
	AUTO(free) char *clean = term_clean(name);

	if (!*name || strlen(name) > NAME_MAX_BYTES || strcmp(clean, name) || *name == '-' ||
	    *name == ' ' || name[strlen(name) - 1] == ' ' || strpbrk(name, "'\"`$\\"))
		return err_set(err, ERR_USAGE,
			       "'%s' is no name for an account (1 to %d bytes, no control "
			       "characters, none of '\"`$\\, no '-' or space at its ends)",
			       clean, NAME_MAX_BYTES);
	return 0;
}

const char *cmd_account_standing(const struct cmd_context *cx)
{
	const char *env = getenv("CALSYNC_ACCOUNT");

	if (env && *env)
		return env;
	return cx->config ? config_get(cx->config, "account.default") : NULL;
}

const char *cmd_account_wish(const struct cmd_context *cx)
{
	return cx->global.account ? cx->global.account : cmd_account_standing(cx);
}

static void add_names(struct strbuf *out, const struct account_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", l->items[i].name);
}

static void take_account(struct account_list *l, size_t i, struct account *out)
{
	*out = l->items[i];
	memset(&l->items[i], 0, sizeof(l->items[i]));
}

int cmd_no_account_yet(const char *name, struct err *err)
{
	AUTO(free) char *word = account_word(name);
	struct err none;

	/* What is no name for an account is nothing to type either. */
	if (cmd_check_account_name(name, &none))
		return err_set(err, ERR_NOT_FOUND,
			       "no account '%s': none is connected yet; run: calsync connect",
			       name);
	return err_set(err, ERR_NOT_FOUND,
		       "no account '%s': none is connected yet; run: calsync connect %s", name,
		       word);
}

int cmd_account_named(struct cmd_context *cx, const char *name, struct account *out,
		      struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	if (cx->store && store_account_list(cx->store, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		if (!strcmp(all.items[i].name, name)) {
			take_account(&all, i, out);
			return 0;
		}
	}
	if (!all.count)
		return cmd_no_account_yet(name, err);
	add_names(&names, &all);
	return err_set(err, ERR_NOT_FOUND, "no account '%s' (there are: %s)", name, names.buf);
}

int cmd_account(struct cmd_context *cx, struct account *out, struct err *err)
{
	const char *wish = cmd_account_wish(cx);
	AUTO(account_list_release) struct account_list all = {0};
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
	size_t active = 0, last_active = 0;

	if (wish)
		return cmd_account_named(cx, wish, out, err);
	if (store_account_list(cx->store, &all, err))
		return -1;
	if (!all.count)
		return err_set(err, ERR_NOT_CONNECTED,
			       "no account is connected yet; run 'calsync connect'");
	for (size_t i = 0; i < all.count; i++) {
		if (all.items[i].state != ACCOUNT_DISCONNECTED) {
			active++;
			last_active = i;
		}
	}
	if (active == 1 || all.count == 1) {
		take_account(&all, active == 1 ? last_active : 0, out);
		return 0;
	}
	add_names(&names, &all);
	return err_set(err, ERR_USAGE,
		       "which account? say -a NAME, or once 'calsync accounts default NAME' (there "
		       "are: %s)",
		       names.buf);
}

int cmd_accounts(struct cmd_context *cx, struct account_list *out, struct err *err)
{
	const char *wish = cmd_account_wish(cx);
	struct account one = {0};

	if (!wish)
		return store_account_list(cx->store, out, err);
	if (cmd_account_named(cx, wish, &one, err))
		return -1;
	out->items = xcalloc(1, sizeof(*out->items));
	out->items[0] = one;
	out->count = 1;
	return 0;
}

/* The account that a search is limited to: 0 = all. */
static int wished_account_id(struct cmd_context *cx, int64_t *out, struct err *err)
{
	const char *wish = cmd_account_wish(cx);
	AUTO(account_release) struct account a = {0};

	if (wish && cmd_account_named(cx, wish, &a, err))
		return -1;
	*out = a.id;
	return 0;
}

int cmd_account_of(struct cmd_context *cx, int64_t calendar_id, struct account *out,
		   struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};

	if (store_calendar_get(cx->store, calendar_id, &c, err))
		return -1;
	return cmd_account_named(cx, c.account, out, err);
}

/* --- calendars --------------------------------------------------------------------------- */

/* How a calendar may be named: what comes first goes before what comes later. A title that a
 * living calendar has is no name of one that is gone. */
enum calendar_name {
	NAME_ID, /* or primary */
	NAME_TITLE,
	NAME_TITLE_GONE,
	NAME_END,
};

static bool calendar_matches(const struct calendar *c, const char *name, enum calendar_name by)
{
	if (by == NAME_ID)
		return !strcmp(c->google_id, name) ||
		       (c->primary && !c->gone && !strcmp(name, "primary"));
	return c->gone == (by == NAME_TITLE_GONE) && c->summary && !strcmp(c->summary, name);
}

#define CANDIDATES_MAX 8

/* "ID (DETAIL)", the first few of them */
static void add_candidate(struct strbuf *out, size_t n, const char *id, const char *detail)
{
	if (n > CANDIDATES_MAX)
		return;
	if (n)
		strbuf_adds(out, ", ");
	if (n == CANDIDATES_MAX)
		strbuf_adds(out, "...");
	else
		strbuf_addf(out, "%s (%s)", id, detail);
}

/* How many match, the first one's index, and all of them as text. */
static size_t match_calendars(const struct calendar_list *l, const char *name,
			      enum calendar_name by, size_t *first, struct strbuf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (!calendar_matches(&l->items[i], name, by))
			continue;
		if (!n)
			*first = i;
		add_candidate(text, n++, l->items[i].google_id, l->items[i].account);
	}
	return n;
}

int cmd_calendar(struct cmd_context *cx, int64_t account_id, const char *name, struct calendar *out,
		 struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list all = {0};
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	size_t first = 0, n = 0;

	if (!account_id && wished_account_id(cx, &account_id, err))
		return -1;
	if (store_calendar_list(cx->store, account_id, &all, err))
		return -1;
	for (enum calendar_name by = NAME_ID; !n && by != NAME_END; by++)
		n = match_calendars(&all, name, by, &first, &found);
	if (n > 1)
		return err_set(err, ERR_AMBIGUOUS,
			       "'%s' names several calendars: %s; say -a ACCOUNT or the id", name,
			       found.buf);
	if (n) {
		*out = all.items[first];
		memset(&all.items[first], 0, sizeof(all.items[first]));
		return 0;
	}
	strbuf_reset(&found);
	for (size_t i = 0; i < all.count; i++)
		add_candidate(&found, i, all.items[i].google_id,
			      all.items[i].summary ? all.items[i].summary : "no title");
	return err_set(err, ERR_NOT_FOUND, "no calendar '%s' (there are: %s)", name,
		       all.count ? found.buf : "none");
}

/* --- events ------------------------------------------------------------------------------ */

#define EVENT_PREFIX_MIN 4

static int no_event(const char *id, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "no event '%s'", id);
}

static int check_prefix(const char *id, struct err *err)
{
	if (strlen(id) < EVENT_PREFIX_MIN)
		return err_set(err, ERR_USAGE,
			       "'%s' is too short for an event's id: at least %d characters", id,
			       EVENT_PREFIX_MIN);
	return 0;
}

/* Ids of a series' exceptions begin with the series' own: a prefix of both means the series. */
static bool is_only_series(const struct event_list *l, size_t *out)
{
	size_t series = 0, others = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (json_str(l->items[i].resource, "recurringEventId"))
			continue;
		*out = i;
		series++;
	}
	for (size_t i = 0; series == 1 && i < l->count; i++) {
		const struct event *e = &l->items[i];
		const char *id = json_str(e->resource, "recurringEventId");

		others += id && (e->calendar_id != l->items[*out].calendar_id ||
				 strcmp(id, l->items[*out].id) != 0);
	}
	return series == 1 && !others;
}

int cmd_event(struct cmd_context *cx, const char *id, struct event *out, struct err *err)
{
	struct event_query q = EVENT_QUERY_INIT;
	AUTO(event_list_release) struct event_list l = {0};
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	size_t exact = 0, pick = 0;

	if (check_prefix(id, err))
		return -1;
	if (wished_account_id(cx, &q.account_id, err))
		return -1;
	q.id_prefix = id;
	q.limit = 1000; /* to be listed, not counted */
	if (store_event_list(cx->store, &q, &l, err))
		return -1;
	if (!l.count)
		return no_event(id, err);
	for (size_t i = 0; i < l.count; i++) {
		if (!strcmp(l.items[i].id, id)) {
			exact++;
			pick = i;
		}
	}
	if (l.count > 1 && exact != 1 && (exact || !is_only_series(&l, &pick))) {
		size_t n = 0;

		for (size_t i = 0; i < l.count; i++)
			if (!exact || !strcmp(l.items[i].id, id))
				add_candidate(&found, n++, l.items[i].id,
					      exact ? l.items[i].calendar
						    : json_str(l.items[i].resource, "summary")
							      ?: "no title");
		return err_set(err, ERR_AMBIGUOUS, "'%s' names several events: %s", id, found.buf);
	}
	*out = l.items[pick];
	memset(&l.items[pick], 0, sizeof(l.items[pick]));
	return 0;
}

/* Whether `id` is the occurrence of a series whose id is `master`. */
static bool is_occurrence_of(const char *id, const char *master)
{
	size_t n = strlen(master);

	return !strncmp(id, master, n) && id[n] == '_';
}

/* The names that could be meant: all that begin so; of those that are it exactly, these alone; of
 * a series and its occurrences the series. Names are in order, a series before its occurrences. */
static void narrow_names(const char *id, struct event_name_list *l)
{
	size_t kept = 0;
	bool exact = false;

	for (size_t i = 0; i < l->count; i++)
		exact = exact || !strcmp(l->items[i].id, id);
	for (size_t i = 0; i < l->count; i++) {
		struct event_name *n = &l->items[i];
		bool keep = exact ? !strcmp(n->id, id) : true;

		for (size_t k = 0; keep && !exact && k < kept; k++)
			keep = l->items[k].account_id != n->account_id ||
			       !is_occurrence_of(n->id, l->items[k].id);
		if (keep)
			l->items[kept++] = *n;
		else
			event_name_release(n);
	}
	l->count = kept;
}

int cmd_event_name(struct cmd_context *cx, const char *id, struct event_name *out, struct err *err)
{
	AUTO(event_name_list_release) struct event_name_list l = {0};
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	int64_t account_id = 0;

	if (check_prefix(id, err) || wished_account_id(cx, &account_id, err) ||
	    store_event_names(cx->store, account_id, id, 1000, &l, err))
		return -1;
	narrow_names(id, &l);
	if (!l.count)
		return no_event(id, err);
	if (l.count > 1) {
		for (size_t i = 0; i < l.count; i++)
			add_candidate(&found, i, l.items[i].id, l.items[i].account);
		return err_set(err, ERR_AMBIGUOUS, "'%s' names several events: %s", id, found.buf);
	}
	*out = l.items[0];
	memset(&l.items[0], 0, sizeof(l.items[0]));
	return 0;
}

/* --- the way to Google ------------------------------------------------------------------- */

int cmd_transport(struct cmd_context *cx, struct transport **out, struct err *err)
{
	if (!cx->transport && http_transport_new(&cx->transport, err))
		return -1;
	*out = cx->transport;
	return 0;
}

int cmd_store_create(struct cmd_context *cx, struct err *err)
{
	AUTO(free) char *path = config_db_path(cx->config, cx->global.db);

	return cx->store ? 0 : store_open(path, STORE_CREATE, &cx->store, err);
}

char *cmd_webhook_db_path(const struct cmd_context *cx)
{
	AUTO(free) char *db = config_db_path(cx->config, cx->global.db);

	return config_webhook_db_path(cx->config, db);
}

int cmd_conflict_policy(const struct cmd_context *cx, enum conflict_policy *out, struct err *err)
{
	const char *name = config_get(cx->config, "sync.conflict");

	*out = POLICY_MERGE;
	if (name && conflict_policy_parse(name, out))
		return err_set(err, ERR_INVALID,
			       "sync.conflict = %s: it is merge, newest, local, remote or manual",
			       name);
	return 0;
}

static int project_units(const struct cmd_context *cx, int64_t *out, struct err *err)
{
	const char *text = config_get(cx->config, "google.project_units_per_minute");
	char *end;
	long n;

	*out = 0;
	if (!text)
		return 0;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > 1000000)
		return err_set(err, ERR_INVALID,
			       "google.project_units_per_minute = %s: it is a number from 1 to "
			       "1000000",
			       text);
	*out = n;
	return 0;
}

int cmd_sync_env(struct cmd_context *cx, struct sync_env *out, struct err *err)
{
	int days;

	out->store = cx->store;
	out->clock = cx->clock;
	if (config_history_days(cx->config, &days, err))
		return -1;
	out->history_ms = days * (24LL * 60 * 60 * 1000);
	if (cmd_conflict_policy(cx, &out->conflict, err) ||
	    project_units(cx, &out->project_units, err))
		return -1;
	if (cmd_transport(cx, &out->transport, err))
		return -1;
	return cmd_secret_box(cx, &out->box, err);
}
