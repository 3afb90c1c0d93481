#include "fg_draft.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

/*
 * The organizer's list replaces the guests. A guest who sends the list changes the own entry
 * alone, and may add guests where the organizer allows it.
 */

static bool organizes(const struct fg_draft *d)
{
	const struct json_object *organizer = json_get(d->old, "organizer");

	return !organizer || json_flag(organizer, "self", false) ||
	       json_flag(d->old, "privateCopy", false);
}

static struct json_object *find(const struct json_object *list, const char *email)
{
	for (size_t i = 0; i < fg_len(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *have = json_str(a, "email");

		if (have && !strcasecmp(have, email))
			return a;
	}
	return NULL;
}

static bool is_address(const char *email)
{
	const char *at = strchr(email, '@');

	return at && at != email && at[1] && !strpbrk(email, " \t\r\n<>,") && !strchr(at + 1, '@');
}

static int check_entry(struct fg_draft *d, const struct json_object *entry)
{
	const char *email = json_str(entry, "email");
	const char *status = json_str(entry, "responseStatus");

	if (!json_object_is_type(entry, json_type_object))
		return fg_fail(d->call, 400, "global", "parseError", "Parse Error", NULL, NULL);
	if (!email)
		return fg_fail_required(d->call, "Missing attendee email.");
	if (!is_address(email))
		return fg_fail_invalid(d->call, "Invalid attendee email.");
	if (status && strcmp(status, "needsAction") != 0 && strcmp(status, "declined") != 0 &&
	    strcmp(status, "tentative") != 0 && strcmp(status, "accepted") != 0)
		return fg_fail_invalid(d->call, "Invalid attendee response status.");
	return 0;
}

static void copy(struct json_object *to, const struct json_object *from, const char *key)
{
	if (json_get(from, key))
		json_set(to, key, json_clone(json_get(from, key)));
}

/* One entry as answered: flags at their default left out, those of Google's own set anew. */
static struct json_object *make_entry(const struct fg_draft *d, const struct json_object *sent,
				      const struct json_object *was)
{
	static const char *const plain[] = {"comment", "additionalGuests"};
	const char *email = json_str(sent, "email");
	const char *organizer = json_path_str(d->next, "organizer/email");
	const char *status = json_str(sent, "responseStatus");
	struct json_object *out = json_object_new_object();

	json_set_str(out, "email", email);
	copy(out, json_get(sent, "displayName") ? sent : was, "displayName");
	if (!strcasecmp(email, organizer ? organizer : d->entry->cal->id))
		json_set_bool(out, "organizer", true);
	if (!strcasecmp(email, d->entry->cal->id))
		json_set_bool(out, "self", true);
	/* A room cannot become a person later. */
	if (json_flag(was ? was : sent, "resource", false))
		json_set_bool(out, "resource", true);
	if (json_flag(sent, "optional", false))
		json_set_bool(out, "optional", true);
	if (!status)
		status = json_str(was, "responseStatus");
	json_set_str(out, "responseStatus", status ? status : "needsAction");
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		copy(out, sent, plain[i]);
	if (!json_int(out, "additionalGuests", 0))
		json_del(out, "additionalGuests");
	return out;
}

static struct json_object *as_organizer(const struct fg_draft *d, const struct json_object *sent)
{
	const struct json_object *was = json_get(d->old, "attendees");
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < fg_len(sent); i++) {
		const struct json_object *a = json_object_array_get_idx(sent, i);
		const char *email = json_str(a, "email");

		if (!find(out, email))
			json_object_array_add(out, make_entry(d, a, find(was, email)));
	}
	return out;
}

static struct json_object *as_guest(const struct fg_draft *d, const struct json_object *sent,
				    bool may_add)
{
	const struct json_object *was = json_get(d->old, "attendees");
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < fg_len(was); i++) {
		struct json_object *a = json_object_array_get_idx(was, i);
		const char *email = json_str(a, "email");
		const struct json_object *own = email ? find(sent, email) : NULL;

		if (own && json_flag(a, "self", false))
			json_object_array_add(out, make_entry(d, own, a));
		else
			json_object_array_add(out, json_clone(a));
	}
	for (size_t i = 0; may_add && i < fg_len(sent); i++) {
		const struct json_object *a = json_object_array_get_idx(sent, i);

		if (!find(out, json_str(a, "email")))
			json_object_array_add(out, make_entry(d, a, NULL));
	}
	return out;
}

int fg_check_attendees(struct fg_draft *d)
{
	const struct json_object *sent = json_get(d->next, "attendees");
	bool own_only = json_flag(d->body, "attendeesOmitted", false);
	struct json_object *list;

	json_del(d->next, "attendeesOmitted");
	if (!fg_draft_sent(d, "attendees") && (d->how == FG_PATCH || !d->old || organizes(d)))
		return 0;
	if (fg_len(sent) && d->call->account->service)
		return fg_fail(d->call, 403, "calendar", "forbiddenForServiceAccounts",
			       "Service accounts cannot invite attendees without Domain-Wide "
			       "Delegation of Authority.",
			       NULL, NULL);
	for (size_t i = 0; i < fg_len(sent); i++)
		if (check_entry(d, json_object_array_get_idx(sent, i)))
			return -1;
	if (d->how == FG_IMPORT && !d->old)
		list = as_organizer(d, sent);
	else if (!d->old || (organizes(d) && !own_only))
		list = as_organizer(d, sent);
	else
		list = as_guest(d, sent,
				!own_only && json_flag(d->old, "guestsCanInviteOthers", true));
	json_set(d->next, "attendees", list);
	return 0;
}
