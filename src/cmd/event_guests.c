/* Before anything is mailed: whom. */
#include <string.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "cmd/event_send.h"
#include "model/rights.h"
#include "base/banned.h"

/* The changes that go out with the same sendUpdates. */
struct tally {
	size_t guests, outside, organizers, events;
	const char *domain; /* of the first event's calendar */
	bool one_domain;
};

static void count(const struct event_change *c, struct tally *t)
{
	const struct json_object *after = c->deleted ? NULL : c->event.resource;
	const struct json_object *before = c->deleted ? c->event.resource : c->before;
	const char *at = strrchr(c->event.calendar, '@');
	const char *domain = at ? at + 1 : c->event.calendar;
	struct guest_counts n;

	event_guest_counts(before, after, c->event.calendar, &n);
	if (!n.all)
		return;
	t->events++;
	if (n.to_organizer)
		t->organizers++;
	else
		t->guests += n.all;
	t->outside += n.outside;
	/* A secondary calendar's address says nothing of its owner's. */
	t->one_domain = !strstr(domain, "calendar.google.com") &&
			(!t->domain || (t->one_domain && !strcmp(t->domain, domain)));
	if (!t->domain)
		t->domain = domain;
}

/* "3 guests and 1 organizer of 2 events" */
static void add_who(const struct tally *t, struct strbuf *sb)
{
	if (t->guests)
		strbuf_addf(sb, "%zu guest%s", t->guests, t->guests == 1 ? "" : "s");
	if (t->guests && t->organizers)
		strbuf_adds(sb, " and ");
	if (t->organizers == 1 && t->events == 1)
		strbuf_adds(sb, "the organizer");
	else if (t->organizers)
		strbuf_addf(sb, "%zu organizer%s", t->organizers, t->organizers == 1 ? "" : "s");
	if (t->events > 1)
		strbuf_addf(sb, " of %zu events", t->events);
}

static void tell(const struct tally *t, const char *send_updates)
{
	AUTO(strbuf_release) struct strbuf who = STRBUF_INIT;

	if (!t->events)
		return;
	add_who(t, &who);
	if (!strcmp(send_updates, "none"))
		log_note("event", "mails nobody: not %s (--notify all would)", who.buf);
	else if (!strcmp(send_updates, "all"))
		log_note("event", "mails %s", who.buf);
	else if (t->one_domain)
		log_note("event",
			 "mails %s, only who does not use Google Calendar (%zu outside of %s)",
			 who.buf, t->outside, t->domain);
	else
		log_note("event", "mails %s, only who does not use Google Calendar", who.buf);
}

void event_guests_tell(struct store *s, struct event_changes *c, bool *waiting)
{
	static const char *const wishes[] = {"none", "externalOnly", "all"};
	struct tally tallies[ARRAY_SIZE(wishes)] = {0};

	for (size_t i = 0; i < c->count; i++) {
		AUTO(outbox_release) struct outbox op = {0};
		bool found = false;

		if (!waiting[i])
			continue;
		waiting[i] = !store_outbox_get(s, c->items[i].event.rowid, &op, &found,
					       &c->items[i].err);
		/* An earlier edit that waits with this one may have asked for more. */
		for (size_t k = 0; found && k < ARRAY_SIZE(wishes); k++)
			if (!strcmp(op.send_updates, wishes[k]))
				count(&c->items[i], &tallies[k]);
	}
	for (size_t k = 0; k < ARRAY_SIZE(wishes); k++)
		tell(&tallies[k], wishes[k]);
}
