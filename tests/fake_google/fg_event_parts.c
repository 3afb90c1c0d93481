#include "fg_draft.h"

#include <string.h>

#include "base/banned.h"

#define MAX_OVERRIDES   5
#define MAX_MINUTES     40320
#define MAX_KEY         44
#define MAX_VALUE       1024
#define MAX_PROPS       300
#define MAX_PROPS_BYTES (32 * 1024)
#define MAX_ATTACHMENTS 25

static int fail_type(struct fg_call *call)
{
	return fg_fail(call, 400, "global", "parseError", "Parse Error", NULL, NULL);
}

/* -- reminders ------------------------------------------------------------------------------- */

static int check_override(struct fg_draft *d, const struct json_object *item)
{
	const char *method = json_str(item, "method");
	int64_t minutes = json_int(item, "minutes", -1);

	if (!json_object_is_type(item, json_type_object))
		return fail_type(d->call);
	if (!method)
		return fg_fail_required(d->call, "Missing reminder method.");
	if (strcmp(method, "email") != 0 && strcmp(method, "popup") != 0)
		return fg_fail_invalid(d->call, "Invalid reminder method.");
	if (minutes < 0 || minutes > MAX_MINUTES)
		return fg_fail_invalid(d->call, "Invalid reminder minutes.");
	return 0;
}

int fg_check_reminders(struct fg_draft *d)
{
	struct json_object *reminders = json_get(d->next, "reminders");
	struct json_object *list = json_get(reminders, "overrides");

	if (!reminders) {
		reminders = json_object_new_object();
		json_set_bool(reminders, "useDefault", true);
		json_set(d->next, "reminders", reminders);
		return 0;
	}
	if (!fg_draft_sent(d, "reminders"))
		return 0;
	if (list && !json_object_is_type(list, json_type_array))
		return fail_type(d->call);
	if (json_flag(reminders, "useDefault", false) && fg_len(list))
		return fg_fail(d->call, 400, "calendar",
			       "cannotUseDefaultRemindersAndSpecifyOverride",
			       "Cannot specify both default reminders and overrides at the same "
			       "time.",
			       NULL, NULL);
	if (fg_len(list) > MAX_OVERRIDES)
		return fg_fail_invalid(d->call, "Too many reminder overrides.");
	for (size_t i = 0; i < fg_len(list); i++)
		if (check_override(d, json_object_array_get_idx(list, i)))
			return -1;
	if (list && !fg_len(list))
		json_del(reminders, "overrides");
	json_set_bool(reminders, "useDefault", json_flag(reminders, "useDefault", false));
	return 0;
}

/* -- extended properties ----------------------------------------------------------------------- */

/* Length of s cut to n bytes without splitting a UTF-8 sequence. */
static size_t cut(const char *s, size_t n)
{
	if (strlen(s) <= n)
		return strlen(s);
	while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
		n--;
	return n;
}

static int check_map(struct fg_draft *d, const char *kind, size_t *count, size_t *bytes)
{
	const struct json_object *map = json_path(d->next, "extendedProperties");
	struct json_object *clean;

	map = json_get(map, kind);
	if (!map)
		return 0;
	if (!json_object_is_type(map, json_type_object))
		return fail_type(d->call);
	clean = json_object_new_object();
	json_object_object_foreach ((struct json_object *)map, key, value) {
		const char *text = json_object_get_string(value);
		size_t len = cut(text, MAX_VALUE);

		if (!json_object_is_type(value, json_type_string)) {
			json_object_put(clean);
			return fail_type(d->call);
		}
		if (strlen(key) > MAX_KEY)
			continue; /* dropped without a word, as Google does */
		json_set(clean, key, json_object_new_string_len(text, (int)len));
		*count += 1;
		*bytes += strlen(key) + len;
	}
	if (json_object_object_length(clean))
		json_set(json_get(d->next, "extendedProperties"), kind, clean);
	else {
		json_object_put(clean);
		json_del(json_get(d->next, "extendedProperties"), kind);
	}
	return 0;
}

int fg_check_props(struct fg_draft *d)
{
	size_t count = 0, bytes = 0;

	if (!fg_draft_sent(d, "extendedProperties"))
		return 0;
	if (check_map(d, "private", &count, &bytes) || check_map(d, "shared", &count, &bytes))
		return -1;
	if (count > MAX_PROPS || bytes > MAX_PROPS_BYTES)
		return fg_fail_invalid(d->call, "Extended properties size limit exceeded.");
	return 0;
}

/* -- what needs a parameter to be written ------------------------------------------------------- */

static void put_back(struct fg_draft *d, const char *key)
{
	const struct json_object *was = json_get(d->old, key);

	if (was)
		json_set(d->next, key, json_clone(was));
	else
		json_del(d->next, key);
}

static int check_create_request(struct fg_draft *d)
{
	const struct json_object *sent = json_path(d->body, "conferenceData/createRequest");
	const char *id = json_str(sent, "requestId");
	const char *type = json_path_str(sent, "conferenceSolutionKey/type");
	const char *was = json_path_str(d->old, "conferenceData/createRequest/requestId");
	struct json_object *data, *request, *key, *status;

	if (!sent)
		return 0;
	if (!id || !*id)
		return fg_fail_invalid(d->call, "Invalid conference request id.");
	if (type && strcmp(type, "hangoutsMeet") != 0)
		return fg_fail_invalid(d->call, "Invalid conference type value.");
	if (was && !strcmp(was, id)) {
		put_back(d, "conferenceData"); /* a repeated request counts once */
		return 0;
	}
	data = json_object_new_object();
	request = json_object_new_object();
	key = json_object_new_object();
	status = json_object_new_object();
	json_set_str(request, "requestId", id);
	json_set_str(key, "type", "hangoutsMeet");
	json_set(request, "conferenceSolutionKey", key);
	json_set_str(status, "statusCode", "pending");
	json_set(request, "status", status);
	json_set(data, "createRequest", request);
	json_set(d->next, "conferenceData", data);
	json_del(d->next, "hangoutLink");
	return 0;
}

/* "Never copy Meet data between events": a link that was made for another one. */
static void note_copied(struct fg_draft *d)
{
	const char *type = json_path_str(d->body, "conferenceData/conferenceSolution/key/type");
	const char *id = json_path_str(d->body, "conferenceData/conferenceId");
	const char *was = json_path_str(d->old, "conferenceData/conferenceId");
	bool meet = (type && !strcmp(type, "hangoutsMeet")) ||
		    (!type && (id || json_path(d->body, "conferenceData/entryPoints")));

	if (meet && (!was || (id && strcmp(id, was) != 0)))
		fg_violation(d->call, "Meet data that were made for another event");
}

int fg_check_conference(struct fg_draft *d)
{
	int64_t version = 0;

	if (fg_param_int(d->call, "conferenceDataVersion", 0, &version))
		return -1;
	if (version > 1)
		return fg_fail_param(d->call, "Invalid Value", "conferenceDataVersion");
	if (version == 0) {
		if (fg_draft_sent(d, "conferenceData") && fg_draft_changed(d, "conferenceData"))
			fg_violation(d->call, "conferenceData without conferenceDataVersion=1");
		put_back(d, "conferenceData");
		return 0;
	}
	if (!json_get(d->next, "conferenceData")) {
		json_del(d->next, "hangoutLink");
		return 0;
	}
	note_copied(d);
	return check_create_request(d);
}

int fg_check_attachments(struct fg_draft *d)
{
	struct json_object *list = json_get(d->next, "attachments");
	bool supported = false;

	if (fg_param_bool(d->call, "supportsAttachments", &supported))
		return -1;
	if (!supported) {
		if (fg_draft_sent(d, "attachments") && fg_draft_changed(d, "attachments"))
			fg_violation(d->call, "attachments without supportsAttachments=true");
		put_back(d, "attachments");
		return 0;
	}
	if (fg_len(list) > MAX_ATTACHMENTS)
		return fg_fail_invalid(d->call, "Too many attachments.");
	for (size_t i = 0; i < fg_len(list); i++)
		if (!json_str(json_object_array_get_idx(list, i), "fileUrl"))
			return fg_fail_required(d->call, "Missing attachment file url.");
	return 0;
}
