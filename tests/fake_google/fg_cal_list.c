#include "fg_model.h"

#include <string.h>

#include "base/banned.h"

/* -- colours ------------------------------------------------------------------------------------ */

static const char *const calendar_colors[][2] = {
	{"#ac725e", "#1d1d1d"}, {"#d06b64", "#1d1d1d"}, {"#f83a22", "#1d1d1d"},
	{"#fa573c", "#1d1d1d"}, {"#ff7537", "#1d1d1d"}, {"#ffad46", "#1d1d1d"},
	{"#42d692", "#1d1d1d"}, {"#16a765", "#1d1d1d"}, {"#7bd148", "#1d1d1d"},
	{"#b3dc6c", "#1d1d1d"}, {"#fbe983", "#1d1d1d"}, {"#fad165", "#1d1d1d"},
	{"#92e1c0", "#1d1d1d"}, {"#9fe1e7", "#1d1d1d"}, {"#9fc6e7", "#1d1d1d"},
	{"#4986e7", "#1d1d1d"}, {"#9a9cff", "#1d1d1d"}, {"#b99aff", "#1d1d1d"},
	{"#c2c2c2", "#1d1d1d"}, {"#cabdbf", "#1d1d1d"}, {"#cca6ac", "#1d1d1d"},
	{"#f691b2", "#1d1d1d"}, {"#cd74e6", "#1d1d1d"}, {"#a47ae2", "#1d1d1d"},
};

static const char *const event_colors[][2] = {
	{"#a4bdfc", "#1d1d1d"}, {"#7ae7bf", "#1d1d1d"}, {"#dbadff", "#1d1d1d"},
	{"#ff887c", "#1d1d1d"}, {"#fbd75b", "#1d1d1d"}, {"#ffb878", "#1d1d1d"},
	{"#46d6db", "#1d1d1d"}, {"#e1e1e1", "#1d1d1d"}, {"#5484ed", "#1d1d1d"},
	{"#51b749", "#1d1d1d"}, {"#dc2127", "#1d1d1d"},
};

static struct json_object *palette(const char *const (*colors)[2], size_t n)
{
	struct json_object *map = json_object_new_object();

	for (size_t i = 0; i < n; i++) {
		struct json_object *pair = json_object_new_object();
		AUTO(free) char *id = xasprintf("%zu", i + 1);

		json_set_str(pair, "background", colors[i][0]);
		json_set_str(pair, "foreground", colors[i][1]);
		json_set(map, id, pair);
	}
	return map;
}

int fg_colors_get(struct fg_call *call)
{
	struct json_object *root = json_object_new_object();

	json_set_str(root, "kind", "calendar#colors");
	json_set_str(root, "updated", "2012-02-14T00:00:00.000Z");
	json_set(root, "calendar", palette(calendar_colors, ARRAY_SIZE(calendar_colors)));
	json_set(root, "event", palette(event_colors, ARRAY_SIZE(event_colors)));
	return fg_reply_json(call, 200, root);
}

/* -- an entry as answered ------------------------------------------------------------------------- */

static void copy(struct json_object *to, const struct json_object *from, const char *key)
{
	if (json_get(from, key))
		json_set(to, key, json_clone(json_get(from, key)));
}

struct json_object *fg_entry_json(const struct fg_account *account, const struct fg_entry *e)
{
	static const char *const shared[] = {"summary", "description", "location"};
	static const char *const prefs[] = {"summaryOverride", "colorId"};
	static const char *const flags[] = {"hidden", "selected"};
	struct json_object *out = json_object_new_object();
	const struct fg_cal *cal = e->cal;
	int64_t color = json_int(e->prefs, "colorId", 0);
	AUTO(free) char *etag = xasprintf("\"%lld\"", (long long)e->etag_us * 2);

	json_set_str(out, "kind", "calendar#calendarListEntry");
	json_set_str(out, "etag", etag);
	json_set_str(out, "id", cal->id);
	if (e->deleted || !fg_entry_usable(e)) {
		json_set_bool(out, "deleted", true);
		return out;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		copy(out, cal->props, shared[i]);
	json_set_str(out, "timeZone", cal->zone);
	for (size_t i = 0; i < ARRAY_SIZE(prefs); i++)
		copy(out, e->prefs, prefs[i]);
	if (color >= 1 && color <= (int64_t)ARRAY_SIZE(calendar_colors)) {
		json_set_str(out, "backgroundColor", calendar_colors[color - 1][0]);
		json_set_str(out, "foregroundColor", "#000000");
	}
	copy(out, e->prefs, "backgroundColor");
	copy(out, e->prefs, "foregroundColor");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (json_flag(e->prefs, flags[i], false))
			json_set_bool(out, flags[i], true);
	json_set_str(out, "accessRole", fg_role_name(e->role));
	copy(out, e->prefs, "defaultReminders");
	if (!json_get(out, "defaultReminders"))
		json_set(out, "defaultReminders", json_object_new_array());
	copy(out, e->prefs, "notificationSettings");
	if (cal->primary && cal->owner == account)
		json_set_bool(out, "primary", true);
	copy(out, cal->props, "conferenceProperties");
	if (!cal->primary && cal->owner)
		json_set_str(out, "dataOwner", cal->owner->email);
	copy(out, cal->props, "autoAcceptInvitations");
	return out;
}

static bool on_list(const struct fg_entry *e)
{
	return e->listed && !e->deleted && fg_entry_usable(e);
}

/* -- list -------------------------------------------------------------------------------------------- */

struct list_query {
	struct fg_call *call;
	bool incremental, show_deleted, show_hidden;
	uint64_t since;
	enum fg_role min_role;
	size_t page, offset;
	uint64_t seq; /* of the list when the first page was made */
	uint64_t hash;
	bool empty; /* this is one of the empty pages between */
};

static int fail_restrictions(struct fg_call *call)
{
	return fg_fail_param(call, "Sync token cannot be used with other request restrictions.",
			     "syncToken");
}

static int read_sync(struct list_query *q, const char *token)
{
	const struct fg_account *account = q->call->account;
	AUTO(free) char *text = fg_token_open(token);
	unsigned long long seq;
	unsigned epoch;
	int used = 0;

	if (fg_param(q->call, "minAccessRole") ||
	    (fg_param(q->call, "showDeleted") && !q->show_deleted) ||
	    (fg_param(q->call, "showHidden") && !q->show_hidden))
		return fail_restrictions(q->call);
	if (!text || sscanf(text, "l:%u:%llu:%n", &epoch, &seq, &used) != 2 || !used)
		return fg_fail_param(q->call, "Invalid sync token value.", "syncToken");
	if (epoch != account->cal->sync_epoch ||
	    strncmp(text + used, account->sub, strlen(account->sub)) != 0)
		return fg_fail(q->call, 410, "calendar", "fullSyncRequired",
			       "Sync token is no longer valid, a full sync is required.",
			       "parameter", "syncToken");
	q->since = seq;
	q->incremental = q->show_deleted = q->show_hidden = true;
	return 0;
}

static int read_page(struct list_query *q, const char *token)
{
	const struct fg_account_cal *ac = q->call->account->cal;
	AUTO(free) char *text = fg_token_open(token);
	unsigned long long seq, hash;
	unsigned epoch;
	int empty;

	if (!text ||
	    sscanf(text, "lp:%u:%zu:%llu:%llx:%d", &epoch, &q->offset, &seq, &hash, &empty) != 5 ||
	    epoch != ac->page_epoch || hash != q->hash)
		return fg_fail_param(q->call, "Invalid page token value.", "pageToken");
	q->seq = seq;
	q->empty = empty;
	return 0;
}

static int read_query(struct fg_call *call, struct list_query *q)
{
	const char *min = fg_param(call, "minAccessRole");

	*q = (struct list_query){.call = call, .seq = call->account->cal->seq};
	q->hash = fg_query_hash(call) + fg_hash(FG_HASH_INIT, call->account->sub);
	if (fg_page_size(call, 100, 250, &q->page) ||
	    fg_param_bool(call, "showDeleted", &q->show_deleted) ||
	    fg_param_bool(call, "showHidden", &q->show_hidden))
		return -1;
	if (min && (fg_role_parse(min, &q->min_role) || q->min_role == FG_ROLE_NONE))
		return fg_fail_param(call, "Invalid Value", "minAccessRole");
	if (fg_param(call, "syncToken") && read_sync(q, fg_param(call, "syncToken")))
		return -1;
	return fg_param(call, "pageToken") ? read_page(q, fg_param(call, "pageToken")) : 0;
}

static bool wanted(const struct list_query *q, const struct fg_entry *e)
{
	if (!e->listed || (q->incremental && e->seq <= q->since))
		return false;
	if (!on_list(e))
		return q->show_deleted;
	if (json_flag(e->prefs, "hidden", false) && !q->show_hidden)
		return false;
	return e->role >= q->min_role;
}

static void list_tokens(const struct list_query *q, struct json_object *root, size_t next)
{
	const struct fg_account *account = q->call->account;
	bool empty = q->call->fg->config.empty_pages && !q->empty;
	AUTO(free) char *text = NULL;
	AUTO(free) char *token = NULL;

	if (next)
		text = xasprintf("lp:%u:%zu:%llu:%llx:%d", account->cal->page_epoch, next,
				 (unsigned long long)q->seq, (unsigned long long)q->hash, empty);
	else
		text = xasprintf("l:%u:%llu:%s:%lld", account->cal->sync_epoch,
				 (unsigned long long)q->seq, account->sub,
				 (long long)fg_now_ms(q->call->fg));
	token = fg_token_seal(text);
	json_set_str(root, next ? "nextPageToken" : "nextSyncToken", token);
}

/* A place in the list is the number of entries before it, counted over all of them: entries are
 * never removed, so it stays good while the list changes. */
int fg_calendar_list_list(struct fg_call *call)
{
	const struct fg_account *account = call->account;
	struct json_object *root, *items;
	struct list_query q;
	size_t i, n = 0;
	char etag[48];

	if (read_query(call, &q))
		return -1;
	fg_collection_etag(etag, account->cal->seq, fg_hash(FG_HASH_INIT, account->sub));
	if (!fg_param(call, "pageToken") && fg_not_modified(call, etag))
		return 0;
	root = json_object_new_object();
	items = json_object_new_array();
	json_set_str(root, "kind", "calendar#calendarList");
	json_set_str(root, "etag", etag);
	for (i = q.offset; i < account->cal->count && !q.empty; i++) {
		if (!wanted(&q, account->cal->entries[i]))
			continue;
		if (n == q.page)
			break;
		json_object_array_add(items, fg_entry_json(account, account->cal->entries[i]));
		n++;
	}
	/* offset 0 means "no further page": an empty page is never the first. */
	list_tokens(&q, root, i < account->cal->count ? i : 0);
	json_set(root, "items", items);
	return fg_reply_json(call, 200, root);
}

/* -- get and the writes ---------------------------------------------------------------------------------- */

static struct fg_entry *find_listed(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);

	if (e && !on_list(e)) {
		fg_fail_not_found(call);
		return NULL;
	}
	return e;
}

static int reply_entry(struct fg_call *call, const struct fg_entry *e)
{
	return fg_reply_json(call, 200, fg_entry_json(call->account, e));
}

int fg_calendar_list_get(struct fg_call *call)
{
	const struct fg_entry *e = find_listed(call);
	AUTO(json_object_put) struct json_object *out = NULL;

	if (!e)
		return -1;
	out = fg_entry_json(call->account, e);
	if (fg_not_modified(call, json_str(out, "etag")))
		return 0;
	return fg_reply_json(call, 200, TAKE(out));
}

static int check_prefs(struct fg_call *call, bool rgb)
{
	struct json_object *reminders = json_get(call->body, "defaultReminders");
	const char *color = json_str(call->body, "colorId");
	int64_t n = json_int(call->body, "colorId", 0);

	if (color && (n < 1 || n > (int64_t)ARRAY_SIZE(calendar_colors)))
		return fg_fail_invalid(call, "Invalid Value");
	if (fg_len(reminders) > 5)
		return fg_fail_invalid(call, "Too many reminder overrides.");
	for (size_t i = 0; i < fg_len(reminders); i++) {
		const struct json_object *r = json_object_array_get_idx(reminders, i);
		int64_t minutes = json_int(r, "minutes", -1);

		if (!json_str(r, "method") || minutes < 0 || minutes > 40320)
			return fg_fail_invalid(call, "Invalid Value");
	}
	if (!rgb &&
	    (json_str(call->body, "backgroundColor") || json_str(call->body, "foregroundColor")))
		fg_violation(call, "backgroundColor or foregroundColor without colorRgbFormat");
	return 0;
}

/* Put the body's writable fields into the entry; an update (PUT) also clears the others. */
static int write_entry(struct fg_call *call, struct fg_entry *e, bool clears)
{
	static const char *const fields[] = {"summaryOverride",  "colorId",
					     "hidden",           "selected",
					     "defaultReminders", "notificationSettings",
					     "backgroundColor",  "foregroundColor"};
	bool rgb = false;

	if (fg_param_bool(call, "colorRgbFormat", &rgb) || check_prefs(call, rgb))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct json_object *value = json_get(call->body, fields[i]);

		if (strstr(fields[i], "groundColor") && !rgb)
			continue;
		if (!value && !clears && !json_has(call->body, fields[i]))
			continue;
		if (!value && clears && !strcmp(fields[i], "colorId"))
			continue; /* there is no calendar without a colour */
		json_del(e->prefs, fields[i]);
		if (value)
			json_set(e->prefs, fields[i], json_clone(value));
	}
	fg_entry_touch(call->fg, call->account, e);
	fg_push_list_changed(call->fg, call->account);
	return reply_entry(call, e);
}

int fg_calendar_list_insert(struct fg_call *call)
{
	const char *id = json_str(call->body, "id");
	struct fg_entry *e;

	if (!id || !*id)
		return fg_fail_required(call, "Required");
	e = fg_access_id(call, id, FG_ROLE_FREEBUSY);
	if (!e)
		return -1;
	e->listed = true;
	e->deleted = false;
	return write_entry(call, e, false);
}

static int change_entry(struct fg_call *call, bool clears)
{
	struct fg_entry *e = find_listed(call);
	AUTO(json_object_put) struct json_object *old = NULL;

	if (!e)
		return -1;
	old = fg_entry_json(call->account, e);
	if (fg_check_if_match(call, json_str(old, "etag")))
		return -1;
	return write_entry(call, e, clears);
}

int fg_calendar_list_patch(struct fg_call *call)
{
	return change_entry(call, false);
}

int fg_calendar_list_update(struct fg_call *call)
{
	return change_entry(call, true);
}

int fg_calendar_list_delete(struct fg_call *call)
{
	struct fg_entry *e = find_listed(call);

	if (!e)
		return -1;
	/* Its creator cannot unsubscribe from a calendar, only delete it. */
	if (e->cal->owner == call->account)
		return fg_fail(call, 403, "calendar", "cannotUnsubscribeFromOwnCalendar",
			       "Cannot unsubscribe from a calendar that you own.", NULL, NULL);
	e->deleted = true;
	fg_entry_touch(call->fg, call->account, e);
	fg_push_list_changed(call->fg, call->account);
	return fg_reply_empty(call, 204);
}
