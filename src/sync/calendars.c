/* The account's list of calendars, kept with calendarList's own sync token. */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/salvage.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/google.h"
#include "sync/sync.h"
#include "sync/wire.h"

struct list_pull {
	struct google *g;
	struct store *s;
	struct account *account;
	const char *sync_token;   /* NULL = full */
	struct json_object *seen; /* ids, as a set */
	int64_t changed;
};

static int fetch(struct list_pull *p, const char *page_token, struct json_object **out,
		 struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct gcall call = {.method = "GET"};

	strbuf_adds(&path, "users/me/calendarList?maxResults=250&prettyPrint=false");
	if (p->sync_token) {
		strbuf_adds(&path, "&syncToken=");
		strbuf_add_urlencoded(&path, p->sync_token);
	} else {
		strbuf_adds(&path, "&showHidden=true");
	}
	if (page_token) {
		strbuf_adds(&path, "&pageToken=");
		strbuf_add_urlencoded(&path, page_token);
	}
	call.path = path.buf;
	call.salvage = "items";
	if (google_call(p->g, &call, out, err))
		return -1;
	if (!json_object_is_type(json_get(*out, "items"), json_type_array)) {
		json_object_put(TAKE(*out));
		return err_set(err, ERR_GOOGLE, "the answer to calendarList.list holds no items");
	}
	return 0;
}

static int mark_gone(struct list_pull *p, const char *google_id, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};

	if (store_calendar_list(p->s, p->account->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct calendar *c = &list.items[i];
		bool lost = google_id ? !strcmp(c->google_id, google_id)
				      : !json_has(p->seen, c->google_id);

		if (!lost || c->gone)
			continue;
		log_info("calendars", "calendar '%s' is no longer on the account's list",
			 c->summary);
		p->changed++;
		if (store_calendar_set_gone(p->s, c->id, true, err))
			return -1;
	}
	return 0;
}

static bool is_user(const struct list_pull *p, const char *id)
{
	return !strcasecmp(p->account->email, id);
}

static int take_entry(struct list_pull *p, struct json_object *item, struct err *err)
{
	const char *id = wire_item_id(item);
	const char *zone = json_str(item, "timeZone");
	const char *title = json_str(item, "summaryOverride");
	const char *role = json_str(item, "accessRole");
	bool changed = false;

	if (!id) {
		log_warn("calendars", "Google sent a calendar without a usable id, ignoring");
		return 0;
	}
	if (json_damage(item)) { /* it is on the list; of what else there is nothing is sure */
		log_warn("calendars", "calendar '%s': %s, ignoring", id, json_damage(item));
		json_set_bool(p->seen, id, true);
		return 0;
	}
	if (json_flag(item, "deleted", false))
		return mark_gone(p, id, err);
	json_set_bool(p->seen, id, true);
	if (!title)
		title = json_str(item, "summary");
	struct calendar c = {
		.account_id = p->account->id,
		.google_id = (char *)id,
		.summary = (char *)(title ? title : id),
		.time_zone = (char *)(zone && zone_valid(zone) ? zone : "UTC"),
		.access_role = (char *)(role ? role : "none"),
		.primary = json_flag(item, "primary", false) && is_user(p, id),
		.resource = item,
	};
	c.selected = c.primary;
	if (store_calendar_upsert(p->s, &c, &changed, err))
		return -1;
	p->changed += changed;
	return 0;
}

/* Google.c may have renewed the token meanwhile: change only our own columns. */
static int save_account(struct list_pull *p, const char *token, struct err *err)
{
	AUTO(account_release) struct account now = {0};

	if (store_account_get_id(p->s, p->account->id, &now, err))
		return -1;
	xstr_set(&now.list_sync_token, token);
	xstr_set(&p->account->list_sync_token, token);
	return store_account_update(p->s, &now, err);
}

static int take_page(struct list_pull *p, const struct json_object *page, struct err *err)
{
	struct json_object *items = json_get(page, "items");

	for (size_t i = 0; i < json_object_array_length(items); i++)
		if (take_entry(p, json_object_array_get_idx(items, i), err))
			return -1;
	return 0;
}

/* The primary calendar of another user than the account's; NULL when there is none, or the account's
 * own is there, too. */
static const char *find_other_user(const struct list_pull *p, const struct json_object *list)
{
	const char *other = NULL;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *items = json_get(json_object_array_get_idx(list, i), "items");

		for (size_t k = 0; k < json_object_array_length(items); k++) {
			struct json_object *item = json_object_array_get_idx(items, k);
			const char *id = wire_item_id(item);

			if (!id || json_damage(item) || !json_flag(item, "primary", false) ||
			    json_flag(item, "deleted", false))
				continue;
			if (is_user(p, id))
				return NULL;
			other = id;
		}
	}
	return other;
}

/* Whose login it is was settled when the account was connected: what waits here is that user's, and
 * goes to no other. */
static int check_user(const struct list_pull *p, const struct json_object *list, struct err *err)
{
	AUTO(free) char *word = NULL;
	const char *other = find_other_user(p, list);

	if (!other)
		return 0;
	word = account_word(p->account->name);
	return err_set(err, ERR_NOT_CONNECTED,
		       "account '%s' belongs to %s, but its login opens the calendars of %s; "
		       "nothing was changed. To replace the user: calsync connect %s --force",
		       p->account->name, p->account->email, other, word);
}

static int take_pages(struct list_pull *p, const struct json_object *list, struct err *err)
{
	size_t count = json_object_array_length(list);

	if (check_user(p, list, err))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (take_page(p, json_object_array_get_idx(list, i), err))
			return -1;
	/* An empty full list is more likely an error than the truth: nothing is marked then. */
	if (!p->sync_token && json_object_object_length(p->seen) && mark_gone(p, NULL, err))
		return -1;
	return save_account(
		p, json_str(json_object_array_get_idx(list, count - 1), "nextSyncToken"), err);
}

/* All pages before anything is written: one of them says whose they are. */
static int fetch_all(struct list_pull *p, struct json_object **out, struct err *err)
{
	AUTO(json_object_put) struct json_object *list = json_object_new_array();
	AUTO(json_object_put) struct json_object *tokens = json_object_new_object();
	AUTO(free) char *token = NULL;
	const char *next;

	do {
		struct json_object *page = NULL;

		if (fetch(p, token, &page, err))
			return -1;
		json_object_array_add(list, page);
		if (wire_next_page(page, tokens, "calendarList.list", &next, err))
			return -1;
		xstr_set(&token, next);
	} while (next);
	*out = TAKE(list);
	return 0;
}

static int pull_list(struct list_pull *p, struct err *err)
{
	AUTO(json_object_put) struct json_object *list = NULL;

	if (fetch_all(p, &list, err) || store_begin(p->s, err))
		return -1;
	if (!take_pages(p, list, err))
		return store_commit(p->s, err);
	store_rollback(p->s);
	return -1;
}

int sync_calendar_list_fetch(struct google *g, struct json_object **out, struct err *err)
{
	struct list_pull p = {.g = g};

	return fetch_all(&p, out, err);
}

int sync_calendar_list_take(struct store *s, struct account *account,
			    const struct json_object *pages, struct err *err)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	struct list_pull p = {.s = s, .account = account, .seen = seen};

	return take_pages(&p, pages, err);
}

int sync_calendar_list(struct google *g, struct store *s, struct account *account,
		       int64_t *out_changed, struct err *err)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(free) char *token = xstrdup_null(account->list_sync_token);
	struct list_pull p = {
		.g = g, .s = s, .account = account, .sync_token = token, .seen = seen};

	if (pull_list(&p, err)) {
		if (!p.sync_token || err->code != ERR_FULL_SYNC)
			return -1;
		p.sync_token = NULL;
		if (pull_list(&p, err))
			return -1;
	}
	*out_changed = p.changed;
	return 0;
}
