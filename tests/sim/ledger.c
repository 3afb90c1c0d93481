#include "ledger.h"

#include <string.h>

#include "base/xalloc.h"
#include "hashset.h"

#include "base/banned.h"

struct write {
	uint64_t hash; /* of mark, unit and value */
	size_t event;
	char *unit, *value; /* owned */
	int who;
	unsigned no;
	bool contested; /* somebody wrote the same field, and neither knew of the other */
	size_t next;    /* the write that saw and replaced it; 0 = none (it never is the first) */
};

struct event_state {
	char *mark;     /* owned */
	bool deleted;   /* by anybody */
	bool gone;      /* by somebody who knew everything, and nothing was written since */
	bool made;      /* its making is among the writes */
	bool foreign;   /* a meeting of somebody else's */
	bool series;    /* it had a rule at some time */
	unsigned by_no; /* the op that deleted it */
};

struct ledger {
	struct write *writes;
	size_t write_count;
	struct event_state *events;
	size_t event_count;
	struct hashset overwritten;
	struct hashset logged[SIM_STORES];
	struct hashset held;
};

struct ledger *ledger_new(void)
{
	return xcalloc(1, sizeof(struct ledger));
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->write_count; i++) {
		free(l->writes[i].unit);
		free(l->writes[i].value);
	}
	for (size_t i = 0; i < l->event_count; i++)
		free(l->events[i].mark);
	free(l->writes);
	free(l->events);
	hashset_release(&l->overwritten);
	hashset_release(&l->held);
	for (int i = 0; i < SIM_STORES; i++)
		hashset_release(&l->logged[i]);
	free(l);
}

/* --- writing ----------------------------------------------------------------------------- */

static size_t event_index(struct ledger *l, const char *mark)
{
	for (size_t i = 0; i < l->event_count; i++)
		if (!strcmp(l->events[i].mark, mark))
			return i;
	l->events = xreallocarray(l->events, l->event_count + 1, sizeof(*l->events));
	l->events[l->event_count] = (struct event_state){.mark = xstrdup(mark)};
	return l->event_count++;
}

/* A conference that was asked for becomes one with a name of Google's. */
static bool shows(const struct units *seen, const struct write *w)
{
	const char *value = units_get(seen, w->unit);

	return !strcmp(w->unit, "conference") ? *value != '\0' : !strcmp(value, w->value);
}

/* Whether the author of a view knew of a write: it is the own one, or in the view, or what replaced
 * it is. */
static bool knows(const struct ledger *l, int who, const struct units *seen, const struct write *w)
{
	for (;; w = &l->writes[w->next]) {
		if (w->who == who || shows(seen, w))
			return true;
		if (!w->next)
			return false;
	}
}

/* Conflicts are about fields, guests and properties; times and rule may have to go together. */
static bool same_field(const char *a, const char *b)
{
	bool schedule_a = !strcmp(a, "time") || !strcmp(a, "recurrence");
	bool schedule_b = !strcmp(b, "time") || !strcmp(b, "recurrence");

	return (schedule_a && schedule_b) || !strcmp(a, b);
}

/* Two people wrote the same few words, or one of the few colours, without knowing of each other: who
 * saw them saw one of the two. */
static bool is_a_coincidence(const struct write *w, int who)
{
	return w->contested && w->who != who &&
	       (!strpbrk(w->value, "0123456789") || !strcmp(w->unit, "colorId"));
}

/* What its author saw may be the same that he had written himself: cleared by two people, say. */
static bool may_be_own(const struct ledger *l, const struct write *w, int who)
{
	if (!is_a_coincidence(w, who))
		return false;
	for (size_t i = 0; i < l->write_count; i++)
		if (l->writes[i].who == who && l->writes[i].hash == w->hash)
			return true;
	return false;
}

/* The last write is new: whose writes of the same field did its author not know of? */
static void note_contested(struct ledger *l, const struct units *seen)
{
	struct write *w = &l->writes[l->write_count - 1];

	for (size_t i = 0; i + 1 < l->write_count; i++) {
		struct write *o = &l->writes[i];

		if (o->event == w->event && same_field(o->unit, w->unit) &&
		    (may_be_own(l, o, w->who) || !knows(l, w->who, seen, o)))
			o->contested = w->contested = true;
	}
}

/* The last write is new, and saw this one. */
static void note_replaced(struct ledger *l, uint64_t hash)
{
	for (size_t i = l->write_count - 1; i-- > 0;)
		if (l->writes[i].hash == hash && !l->writes[i].next) {
			l->writes[i].next = l->write_count - 1;
			return;
		}
}

static void add_write(struct ledger *l, size_t event, int who, unsigned no, const char *unit,
		      const char *value, const struct units *seen)
{
	const char *saw = units_get(seen, unit);
	const char *mark = l->events[event].mark;
	struct write *w;

	if (!(l->write_count & (l->write_count + 1)))
		l->writes = xreallocarray(l->writes, 2 * l->write_count + 1, sizeof(*l->writes));
	w = &l->writes[l->write_count++];
	*w = (struct write){.event = event, .who = who, .no = no};
	w->hash = hash_texts(mark, unit, value);
	w->unit = xstrdup(unit);
	w->value = xstrdup(value);
	note_contested(l, seen);
	note_replaced(l, hash_texts(mark, unit, saw));
	hashset_add(&l->overwritten, hash_texts(mark, unit, saw));
	l->events[event].gone = false;
}

/* What is no value of anybody's: the mark, and what Google makes of a wish. */
static bool is_value(const char *unit)
{
	return strcmp(unit, "conference") != 0 && strcmp(unit, "calendar") != 0 &&
	       strcmp(unit, "shared " MARK_KEY) != 0;
}

static bool is_written(const char *unit)
{
	return strcmp(unit, "shared " MARK_KEY) != 0;
}

void ledger_write(struct ledger *l, int who, unsigned no, const struct json_object *before,
		  const struct json_object *after)
{
	AUTO(free) char *mark = event_mark(after);
	AUTO(units_release) struct units was = {0};
	AUTO(units_release) struct units is = {0};
	size_t event;

	if (!mark)
		return;
	event = event_index(l, mark);
	l->events[event].foreign |= json_get(after, "organizer") &&
				    !json_flag(json_get(after, "organizer"), "self", false);
	units_read(after, &is);
	l->events[event].series |= *units_get(&is, "recurrence") != '\0';
	if (before)
		units_read(before, &was);
	else
		l->events[event].made = true;
	for (size_t i = 0; i < is.count; i++) {
		const char *saw = units_get(&was, is.list[i].name);

		if (is_written(is.list[i].name) && strcmp(saw, is.list[i].value) != 0)
			add_write(l, event, who, no, is.list[i].name, is.list[i].value, &was);
	}
	for (size_t i = 0; i < was.count; i++)
		if (is_written(was.list[i].name) && !*units_get(&is, was.list[i].name))
			add_write(l, event, who, no, was.list[i].name, "", &was);
}

void ledger_move(struct ledger *l, int who, unsigned no, const struct json_object *seen,
		 const char *to)
{
	AUTO(free) char *mark = event_mark(seen);
	AUTO(units_release) struct units units = {0};

	if (!mark)
		return;
	units_read(seen, &units);
	add_write(l, event_index(l, mark), who, no, "calendar", to, &units);
}

void ledger_delete(struct ledger *l, int who, unsigned no, const struct json_object *seen)
{
	AUTO(free) char *mark = event_mark(seen);
	AUTO(units_release) struct units units = {0};
	struct event_state *e;
	size_t event;

	if (!mark)
		return;
	event = event_index(l, mark);
	e = &l->events[event];
	units_read(seen, &units);
	e->deleted = e->gone = true;
	e->by_no = no;
	for (size_t i = 0; i < l->write_count; i++)
		if (l->writes[i].event == event &&
		    (is_a_coincidence(&l->writes[i], who) || !knows(l, who, &units, &l->writes[i])))
			e->gone = false;
	for (size_t i = 0; i < units.count; i++)
		hashset_add(&l->overwritten,
			    hash_texts(mark, units.list[i].name, units.list[i].value));
	for (size_t i = 0; i < l->write_count; i++) /* cleared fields that it saw cleared */
		if (l->writes[i].event == event && !*l->writes[i].value &&
		    !*units_get(&units, l->writes[i].unit))
			hashset_add(&l->overwritten, l->writes[i].hash);
}

static void add_all(struct hashset *set, const struct json_object *version)
{
	AUTO(free) char *mark = event_mark(version);
	AUTO(units_release) struct units units = {0};

	if (!mark)
		return;
	units_read(version, &units);
	for (size_t i = 0; i < units.count; i++)
		hashset_add(set, hash_texts(mark, units.list[i].name, units.list[i].value));
	/* That a version was there at all: it speaks for the units that it lacks. */
	hashset_add(set, hash_texts(mark, "", ""));
}

void ledger_logged(struct ledger *l, int store, const struct json_object *version)
{
	add_all(&l->logged[store], version);
}

bool ledger_has_logged_apart(const struct ledger *l, int store, const char *mark, const char *unit,
			     const char *value)
{
	size_t n = strlen(mark);

	for (size_t i = 0; i < l->event_count; i++) {
		const char *own = l->events[i].mark;

		if (!strncmp(own, mark, n) && own[n] == '@' &&
		    ledger_has_logged(l, store, own, unit, value))
			return true;
	}
	return false;
}

bool ledger_has_logged(const struct ledger *l, int store, const char *mark, const char *unit,
		       const char *value)
{
	return hashset_has(&l->logged[store],
			   *value ? hash_texts(mark, unit, value) : hash_texts(mark, "", ""));
}

void ledger_held(struct ledger *l, const struct json_object *version)
{
	add_all(&l->held, version);
}

/* --- the end ----------------------------------------------------------------------------- */

void ending_add(struct ending *e, int store, const struct json_object *resource, const char *id,
		const char *calendar, bool taken)
{
	char *mark = event_mark(resource);
	struct ending_event *at;

	if (!mark)
		return;
	e->list = xreallocarray(e->list, e->count + 1, sizeof(*e->list));
	at = &e->list[e->count++];
	*at = (struct ending_event){
		.mark = mark, .id = id, .calendar = calendar, .store = store, .taken = taken};
	units_read(resource, &at->units);
}

void ending_release(struct ending *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->list[i].mark);
		units_release(&e->list[i].units);
	}
	free(e->list);
	*e = (struct ending){0};
}

/* Of a series and occurrences that outlived it, the series. */
static const struct ending_event *find(const struct ending *e, const char *mark, int store)
{
	const struct ending_event *found = NULL;

	for (size_t i = 0; i < e->count; i++) {
		const struct ending_event *at = &e->list[i];

		if (at->store == store && !strcmp(at->mark, mark) &&
		    (!found || *units_get(&at->units, "recurrence")))
			found = at;
	}
	return found;
}

static bool stands(const struct ending_event *at, const struct write *w)
{
	return at && !strcmp(units_get(&at->units, w->unit), w->value);
}

static bool is_out_of_step(const struct ending *e, const char *mark)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->list[i].store != AT_GOOGLE && !strcmp(e->list[i].mark, mark))
			return true;
	return false;
}

static bool is_logged(const struct ledger *l, const struct write *w)
{
	const char *mark = l->events[w->event].mark;

	for (int i = 0; i < SIM_STORES; i++)
		if ((w->who == AT_GOOGLE || w->who == i) &&
		    ledger_has_logged(l, i, mark, w->unit, w->value))
			return true;
	return false;
}

static bool is_occurrence(const char *mark)
{
	return strchr(mark, '@') != NULL;
}

static const char *who_name(int who)
{
	static const char *const names[] = {"google", "store 1", "store 2", "store 3"};

	return names[who + 1];
}

static void describe(const struct ledger *l, const struct write *w, struct strbuf *why)
{
	strbuf_addf(why, "event %s: %s '%s', written by %s in %u", l->events[w->event].mark,
		    w->unit, w->value, who_name(w->who), w->no);
}

/* The value is in the event, or in an occurrence of it that has become an event of its own. */
static bool stands_outlived(const struct ending *e, const char *mark, const struct write *w)
{
	size_t n = strcspn(mark, "@");

	for (size_t i = 0; i < e->count; i++) {
		const struct ending_event *at = &e->list[i];

		if ((at->store == AT_GOOGLE || w->who == AT_GOOGLE || at->store == w->who) &&
		    strlen(at->mark) == n && !strncmp(at->mark, mark, n) && stands(at, w))
			return true;
	}
	return false;
}

/* At Google, in an event with the mark: the event itself, or of a series one that outlived it,
 * which people edit under the same mark; or of an occurrence one of two that were brought back in
 * two places. */
static bool stands_at_google(const struct ending *e, const char *mark, const struct write *w)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct ending_event *at = &e->list[i];

		if (at->store == AT_GOOGLE && !strcmp(at->mark, mark) && stands(at, w))
			return true;
	}
	return false;
}

/* L1 */
static bool is_lost(const struct ledger *l, const struct ending *e, const struct write *w)
{
	const char *mark = l->events[w->event].mark;
	const struct ending_event *live = find(e, mark, AT_GOOGLE);

	if (!is_value(w->unit) || hashset_has(&l->overwritten, w->hash) ||
	    stands_at_google(e, mark, w) || is_logged(l, w) || stands_outlived(e, mark, w))
		return false;
	for (int i = 0; i < SIM_STORES; i++)
		if ((w->who == AT_GOOGLE || w->who == i) && stands(find(e, mark, i), w))
			return false;
	if (w->who == AT_GOOGLE && is_occurrence(mark) && !live && !hashset_has(&l->held, w->hash))
		return false;
	return true;
}

/* L4: some units have few values, so that the same one is written again and again. */
static bool is_unique(const char *unit)
{
	static const char *const few[] = {"conference",       "colorId",
					  "status",           "transparency",
					  "visibility",       "guestsCanInviteOthers",
					  "guestsCanModify",  "guestsCanSeeOtherGuests",
					  "anyoneCanAddSelf", "calendar"};

	for (size_t i = 0; i < ARRAY_SIZE(few); i++)
		if (!strcmp(few[i], unit))
			return false;
	return true;
}

static bool is_beaten(const struct ledger *l, const struct ending *e, const struct write *w)
{
	const char *mark = l->events[w->event].mark;

	if (!*w->value || is_occurrence(mark) || l->events[w->event].foreign ||
	    !is_unique(w->unit) || hashset_has(&l->overwritten, w->hash) || w->contested)
		return false;
	if (w->who != AT_GOOGLE && find(e, mark, w->who))
		return false;
	return !stands_at_google(e, mark, w);
}

/* An occurrence that somebody edited who did not know that its series was deleted: it has become an
 * event of its own. */
static bool is_outlived(const struct ledger *l, const struct event_state *series,
			const struct ending_event *live)
{
	size_t n = strlen(series->mark);

	if (!series->series || *units_get(&live->units, "recurrence"))
		return false;
	for (size_t i = 0; i < l->event_count; i++) {
		const struct event_state *s = &l->events[i];

		if (!strncmp(s->mark, series->mark, n) && s->mark[n] == '@' && !s->gone)
			return true;
	}
	return false;
}

/* An occurrence that went with its series, whose delete did not know all that was written to it:
 * the series lives again, and the occurrence with it. */
static bool is_back_with_series(const struct ledger *l, const struct event_state *occurrence)
{
	size_t n = strcspn(occurrence->mark, "@");

	for (size_t i = 0; i < l->event_count; i++) {
		const struct event_state *s = &l->events[i];

		if (strlen(s->mark) == n && !strncmp(s->mark, occurrence->mark, n))
			return !s->gone && s->by_no == occurrence->by_no;
	}
	return false;
}

static const char *judge_events(const struct ledger *l, const struct ending *e, struct strbuf *why)
{
	for (size_t i = 0; i < l->event_count; i++) {
		const struct event_state *s = &l->events[i];
		const struct ending_event *live = find(e, s->mark, AT_GOOGLE);

		if (s->gone && live && !is_out_of_step(e, s->mark) && !is_outlived(l, s, live) &&
		    !(is_occurrence(s->mark) && is_back_with_series(l, s))) {
			strbuf_addf(why, "event %s lives as %s, deleted knowingly in %u", s->mark,
				    live->id, s->by_no);
			return "L3 nothing is revived";
		}
		if (s->made && !s->deleted && !is_occurrence(s->mark) && !live &&
		    !is_out_of_step(e, s->mark)) {
			strbuf_addf(why, "event %s is not at Google, and nobody deleted it",
				    s->mark);
			return "L2 nothing is doubled or gone by itself";
		}
	}
	return NULL;
}

static bool was_series(const struct ledger *l, const char *mark)
{
	for (size_t i = 0; i < l->event_count; i++)
		if (!strcmp(l->events[i].mark, mark))
			return l->events[i].series;
	return false;
}

/* Of a series and an occurrence that outlived it, or of two of these: not the same event. */
static bool are_two(const struct ledger *l, const struct ending_event *a,
		    const struct ending_event *b)
{
	bool rule_a = *units_get(&a->units, "recurrence"),
	     rule_b = *units_get(&b->units, "recurrence");

	return was_series(l, a->mark) && !(rule_a && rule_b) &&
	       (rule_a || rule_b ||
		strcmp(units_get(&a->units, "time"), units_get(&b->units, "time")) != 0);
}

/* An occurrence that two people brought back after its series was deleted, each in the calendar
 * where they had it, since one of them had moved the series. */
static bool are_in_two_places(const struct ledger *l, const struct ending_event *a,
			      const struct ending_event *b)
{
	size_t n = strcspn(a->mark, "@");

	if (!is_occurrence(a->mark) || !strcmp(a->calendar, b->calendar))
		return false;
	for (size_t i = 0; i < l->event_count; i++)
		if (strlen(l->events[i].mark) == n && !strncmp(l->events[i].mark, a->mark, n))
			return l->events[i].deleted;
	return false;
}

static const char *judge_doubles(const struct ledger *l, const struct ending *e, struct strbuf *why)
{
	for (size_t i = 0; i < e->count; i++)
		for (size_t k = i + 1; k < e->count; k++) {
			const struct ending_event *a = &e->list[i], *b = &e->list[k];

			if (a->store != AT_GOOGLE || b->store != AT_GOOGLE ||
			    strcmp(a->mark, b->mark) != 0 || are_two(l, a, b) ||
			    are_in_two_places(l, a, b))
				continue;
			strbuf_addf(why, "event %s lives as %s in %s and as %s in %s", a->mark,
				    a->id, a->calendar, b->id, b->calendar);
			return "L2 nothing is doubled";
		}
	return NULL;
}

const char *ledger_judge(const struct ledger *l, const struct ending *e, struct strbuf *why)
{
	const char *rule = judge_doubles(l, e, why);

	if (!rule)
		rule = judge_events(l, e, why);
	for (size_t i = 0; i < l->write_count && !rule; i++) {
		const struct write *w = &l->writes[i];

		if (is_lost(l, e, w))
			rule = "L1 nothing is lost";
		else if (is_beaten(l, e, w))
			rule = "L4 an edit beats a delete, edits of two fields both stand";
		if (rule)
			describe(l, w, why);
	}
	return rule;
}
