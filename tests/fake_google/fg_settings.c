#include "fg_model.h"

#include <string.h>

#include "base/banned.h"

struct json_object *fg_settings_new(const struct fg_account *account)
{
	static const char *const defaults[][2] = {
		{"autoAddHangouts", "true"},
		{"dateFieldOrder", "MDY"},
		{"defaultEventLength", "60"},
		{"format24HourTime", "false"},
		{"hideInvitations", "false"},
		{"hideWeekends", "false"},
		{"locale", "en"},
		{"remindOnRespondedEventsOnly", "false"},
		{"showDeclinedEvents", "true"},
		{"timezone", NULL},
		{"useKeyboardShortcuts", "true"},
		{"weekStart", "0"},
	};
	struct json_object *settings = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		json_set_str(settings, defaults[i][0],
			     defaults[i][1] ? defaults[i][1] : account->time_zone);
	return settings;
}

static struct json_object *setting_json(const char *id, const char *value)
{
	struct json_object *out = json_object_new_object();
	char etag[48];

	fg_collection_etag(etag, fg_hash(FG_HASH_INIT, id), fg_hash(FG_HASH_INIT, value));
	json_set_str(out, "kind", "calendar#setting");
	json_set_str(out, "etag", etag);
	json_set_str(out, "id", id);
	json_set_str(out, "value", value);
	return out;
}

int fg_settings_get(struct fg_call *call)
{
	const char *value = json_str(call->account->cal->settings, call->sub_id);
	AUTO(json_object_put) struct json_object *out = NULL;

	if (!value)
		return fg_fail_not_found(call);
	out = setting_json(call->sub_id, value);
	if (fg_not_modified(call, json_str(out, "etag")))
		return 0;
	return fg_reply_json(call, 200, TAKE(out));
}

/* Settings cannot be changed through the API, so an incremental list is always empty. */
static int read_tokens(struct fg_call *call, size_t *offset, bool *incremental)
{
	const struct fg_account *account = call->account;
	const char *page = fg_param(call, "pageToken");
	const char *sync = fg_param(call, "syncToken");
	AUTO(free) char *page_text = page ? fg_token_open(page) : NULL;
	AUTO(free) char *sync_text = sync ? fg_token_open(sync) : NULL;
	unsigned long long hash;
	unsigned epoch;

	if (sync && (!sync_text || sscanf(sync_text, "st:%u", &epoch) != 1))
		return fg_fail_param(call, "Invalid sync token value.", "syncToken");
	if (sync && epoch != account->cal->sync_epoch)
		return fg_fail(call, 410, "calendar", "fullSyncRequired",
			       "Sync token is no longer valid, a full sync is required.",
			       "parameter", "syncToken");
	*incremental = sync != NULL;
	if (page &&
	    (!page_text || sscanf(page_text, "sp:%u:%zu:%llx", &epoch, offset, &hash) != 3 ||
	     epoch != account->cal->page_epoch || hash != fg_query_hash(call)))
		return fg_fail_param(call, "Invalid page token value.", "pageToken");
	return 0;
}

int fg_settings_list(struct fg_call *call)
{
	const struct fg_account *account = call->account;
	struct json_object *settings = account->cal->settings;
	struct json_object *root, *items;
	size_t offset = 0, page, i = 0;
	bool incremental = false, more = false;
	AUTO(free) char *text = NULL;
	AUTO(free) char *token = NULL;
	char etag[48];

	if (fg_page_size(call, 100, 250, &page) || read_tokens(call, &offset, &incremental))
		return -1;
	fg_collection_etag(etag, fg_hash(FG_HASH_INIT, json_text(settings)), 0);
	root = json_object_new_object();
	items = json_object_new_array();
	json_set_str(root, "kind", "calendar#settings");
	json_set_str(root, "etag", etag);
	json_object_object_foreach (settings, key, value) {
		if (!incremental && i >= offset && i < offset + page)
			json_object_array_add(items,
					      setting_json(key, json_object_get_string(value)));
		more |= !incremental && i >= offset + page;
		i++;
	}
	text = more ? xasprintf("sp:%u:%zu:%llx", account->cal->page_epoch, offset + page,
				(unsigned long long)fg_query_hash(call))
		    : xasprintf("st:%u:%lld", account->cal->sync_epoch,
				(long long)fg_now_ms(call->fg));
	token = fg_token_seal(text);
	json_set_str(root, more ? "nextPageToken" : "nextSyncToken", token);
	json_set(root, "items", items);
	return fg_reply_json(call, 200, root);
}
