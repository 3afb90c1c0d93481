#include "model/rights.h"

#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "base/banned.h"
#include "model/event.h"

bool event_is_organized(const struct json_object *resource)
{
	struct json_object *organizer = json_get(resource, "organizer");

	return !json_object_is_type(organizer, json_type_object) ||
	       json_flag(organizer, "self", false) || json_flag(resource, "privateCopy", false);
}

/* --- guests ---------------------------------------------------------------------------------- */

static size_t guest_count(const struct json_object *resource)
{
	struct json_object *list = json_get(resource, "attendees");

	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *guest_at(const struct json_object *resource, size_t i)
{
	return json_object_array_get_idx(json_get(resource, "attendees"), i);
}

static struct json_object *guest_find(const struct json_object *resource, const char *address)
{
	for (size_t i = 0; address && i < guest_count(resource); i++) {
		const char *email = json_str(guest_at(resource, i), "email");

		if (email && !strcasecmp(email, address))
			return guest_at(resource, i);
	}
	return NULL;
}

struct json_object *event_self(const struct json_object *resource, const char *address)
{
	for (size_t i = 0; i < guest_count(resource); i++)
		if (json_flag(guest_at(resource, i), "self", false))
			return guest_at(resource, i);
	return guest_find(resource, address);
}

struct json_object *event_attendees_patch(const struct json_object *from,
					  const struct json_object *to)
{
	struct json_object *list = json_object_new_array();
	bool all = event_is_organized(from);

	for (size_t i = 0; i < guest_count(to); i++) {
		struct json_object *guest = guest_at(to, i);
		struct json_object *was = guest_find(from, json_str(guest, "email"));

		if (all || !was || json_flag(was, "self", false))
			json_object_array_add(list, json_clone(guest));
	}
	return list;
}

static bool is_outside(const char *email, const char *address)
{
	const char *a = strrchr(email, '@');
	const char *b = strrchr(address, '@');

	return !a || !b || strcasecmp(a, b) != 0;
}

static void count_guests(const struct json_object *resource, const struct json_object *counted,
			 const char *address, struct guest_counts *out)
{
	for (size_t i = 0; i < guest_count(resource); i++) {
		const struct json_object *guest = guest_at(resource, i);
		const char *email = json_str(guest, "email");

		if (!email || json_flag(guest, "self", false) ||
		    json_flag(guest, "resource", false) || !strcasecmp(email, address) ||
		    guest_find(counted, email))
			continue;
		out->all++;
		out->outside += is_outside(email, address);
	}
}

void event_guest_counts(const struct json_object *before, const struct json_object *after,
			const char *address, struct guest_counts *out)
{
	const struct json_object *known = before ? before : after;
	const char *organizer = json_path_str(known, "organizer/email");

	memset(out, 0, sizeof(*out));
	if (event_is_organized(known)) {
		count_guests(after, NULL, address, out);
		count_guests(before, after, address, out);
		return;
	}
	out->to_organizer = true;
	out->all = 1;
	out->outside = !organizer || is_outside(organizer, address);
}

/* Whether two entries differ in anything but what a guest says of itself. */
static bool differs_beyond_answer(const struct json_object *was, const struct json_object *now)
{
	static const char *const words[] = {"displayName", "id"};
	static const char *const flags[] = {"optional", "resource"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *a = json_str(was, words[i]);
		const char *b = json_str(now, words[i]);

		if (strcmp(a ? a : "", b ? b : "") != 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (json_flag(was, flags[i], false) != json_flag(now, flags[i], false))
			return true;
	return false;
}

static bool answers_equal(const struct json_object *was, const struct json_object *now)
{
	AUTO(json_object_put) struct json_object *a = json_object_new_array();
	AUTO(json_object_put) struct json_object *b = json_object_new_array();

	json_object_array_add(a, json_clone(was));
	json_object_array_add(b, json_clone(now));
	return event_field_equal("attendees", a, b);
}

/* What a guest may do to the list: change the own answer, and add others where that is allowed. */
static int check_guest_list(const struct json_object *was, const struct json_object *edited,
			    struct err *err)
{
	for (size_t i = 0; i < guest_count(was); i++) {
		const struct json_object *old = guest_at(was, i);
		const char *email = json_str(old, "email");
		const struct json_object *now = guest_find(edited, email);
		bool self = json_flag(old, "self", false);

		if (!now && self)
			return err_set(
				err, ERR_READ_ONLY,
				"a guest cannot leave the list; answer with 'calsync event "
				"respond', or remove the event here with 'calsync event rm'");
		if (!now)
			return err_set(err, ERR_READ_ONLY,
				       "only the organizer may remove guest '%s'", email);
		if (self ? differs_beyond_answer(old, now) : !answers_equal(old, now))
			return err_set(err, ERR_READ_ONLY,
				       "only the organizer may change guest '%s'", email);
	}
	if (json_flag(was, "guestsCanInviteOthers", true))
		return 0;
	for (size_t i = 0; i < guest_count(edited); i++) {
		const char *email = json_str(guest_at(edited, i), "email");

		if (!guest_find(was, email))
			return err_set(err, ERR_READ_ONLY,
				       "the organizer does not let guests invite others ('%s')",
				       email ? email : "");
	}
	return 0;
}

/* --- fields ---------------------------------------------------------------------------------- */

/* What is shared by all copies of an event; all else is each calendar's own. */
static const struct right {
	const char *field;
	bool detail; /* guests may change it when the organizer lets them */
	bool locked; /* fixed in a locked event */
} rights[] = {
	{"summary", true, true},
	{"description", true, true},
	{"location", true, true},
	{"start", true, true},
	{"end", true, true},
	{"recurrence", true, true},
	{"conferenceData", true, false},
	{"attachments", true, false},
	{"status", false, false},
	{"guestsCanInviteOthers", false, false},
	{"guestsCanModify", false, false},
	{"guestsCanSeeOtherGuests", false, false},
	{"anyoneCanAddSelf", false, false},
	{"source", false, false},
};

static bool changed(const struct json_object *was, const struct json_object *edited,
		    const char *field)
{
	return !event_field_equal(field, json_get(was, field), json_get(edited, field));
}

static void add_word(struct strbuf *list, const char *word)
{
	strbuf_addf(list, "%s%s", list->len ? ", " : "", word);
}

static const char *organizer_of(const struct json_object *resource)
{
	const char *email = json_path_str(resource, "organizer/email");

	return email ? email : "another calendar";
}

static int check_guest(const struct json_object *was, const struct json_object *edited,
		       struct err *err)
{
	AUTO(strbuf_release) struct strbuf taken = STRBUF_INIT;
	bool may_modify = json_flag(was, "guestsCanModify", false);

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		const struct right *r = &rights[i];

		if (!(r->detail && may_modify) && changed(was, edited, r->field))
			add_word(&taken, r->field);
	}
	if (taken.len)
		return err_set(err, ERR_READ_ONLY,
			       "only the organizer (%s) may change %s; of an invitation one's own "
			       "are the answer ('calsync event respond'), reminders, colorId, "
			       "visibility, transparency and extendedProperties",
			       organizer_of(was), taken.buf);
	return changed(was, edited, "attendees") ? check_guest_list(was, edited, err) : 0;
}

static int check_locked(const struct json_object *was, const struct json_object *edited,
			struct err *err)
{
	AUTO(strbuf_release) struct strbuf taken = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		if (rights[i].locked && changed(was, edited, rights[i].field))
			add_word(&taken, rights[i].field);
	if (!taken.len)
		return 0;
	return err_set(
		err, ERR_READ_ONLY,
		"the event is locked: nobody may change %s (nor any of summary, description, "
		"location, start, end, recurrence)",
		taken.buf);
}

int event_check_rights(const struct json_object *was, const struct json_object *edited,
		       struct err *err)
{
	if (json_flag(was, "locked", false) && check_locked(was, edited, err))
		return -1;
	return event_is_organized(was) ? 0 : check_guest(was, edited, err);
}
