#include "cmd/sync_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cmd/output.h"
#include "base/banned.h"

static const char *const kinds[] = {"created", "updated", "deleted"};

static int64_t count(const struct json_object *counts)
{
	int64_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		n += json_int(counts, kinds[i], 0);
	return n;
}

static struct json_object *list_at(const struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

static size_t list_count(const struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* --- exit status ------------------------------------------------------------------------- */

struct tally {
	size_t good;        /* accounts and calendars that went well */
	size_t bad[9];      /* those that did not, by exit status */
	bool events_failed; /* Google refused single events */
	bool waiting;       /* conflicts wait for a person */
	bool changed;
	const struct json_object *first_error; /* borrowed */
};

static void add_failure(struct tally *t, const struct json_object *error)
{
	t->bad[json_error_status(error)]++;
	if (!t->first_error)
		t->first_error = error;
}

static void add_account(struct tally *t, const struct json_object *account)
{
	struct json_object *calendars = json_get(account, "calendars");
	bool calendar_failed = false;

	for (size_t i = 0; i < list_count(calendars); i++) {
		struct json_object *c = list_at(calendars, i);
		struct json_object *error = json_get(c, "error");

		if (error)
			add_failure(t, error);
		else
			t->good++;
		calendar_failed |= error != NULL;
	}
	/* Its own trouble; when a calendar has it already it counts once. */
	if (json_get(account, "error") && !calendar_failed)
		add_failure(t, json_get(account, "error"));
	else if (!list_count(calendars) && !json_get(account, "error"))
		t->good++;
	t->events_failed |= json_int(account, "failedEvents", 0) > 0;
	t->waiting |= json_int(account, "conflictsWaiting", 0) > 0;
	t->changed |= count(json_get(account, "stats")) + count(json_get(account, "pushed")) > 0;
}

/* In part, when something went well; else what a person must do comes before what passes. */
static int exit_status(const struct tally *t, bool exit_code)
{
	static const int order[] = {3, 1, 4, 5, 6, 2};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (t->bad[order[i]])
			return t->good ? 7 : order[i];
	if (t->events_failed)
		return 7;
	if (t->waiting)
		return 6;
	return exit_code && t->changed ? 8 : 0;
}

/* --- JSON -------------------------------------------------------------------------------- */

static struct json_object *sum_counts(const struct json_object *accounts, const char *member)
{
	struct json_object *sum = json_object_new_object();

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		int64_t n = 0;

		for (size_t i = 0; i < list_count(accounts); i++)
			n += json_int(json_get(list_at(accounts, i), member), kinds[k], 0);
		json_set_int(sum, kinds[k], n);
	}
	return sum;
}

static int64_t sum_member(const struct json_object *accounts, const char *member)
{
	int64_t n = 0;

	for (size_t i = 0; i < list_count(accounts); i++)
		n += json_int(list_at(accounts, i), member, 0);
	return n;
}

/* What the answer's "error" holds: caller's, or NULL when all is well. */
static struct json_object *error_json(const struct tally *t, const struct json_object *accounts)
{
	int64_t refused = sum_member(accounts, "failedEvents");
	int64_t waiting = sum_member(accounts, "conflictsWaiting");
	struct err err = {0};

	if (t->first_error)
		return json_clone(t->first_error);
	if (refused)
		err_set(&err, ERR_GOOGLE, "Google refused %" PRId64 " event%s", refused,
			refused == 1 ? "" : "s");
	else if (waiting)
		err_set(&err, ERR_CONFLICT,
			"%" PRId64 " conflict%s: 'calsync conflicts' lists what waits", waiting,
			waiting == 1 ? "" : "s");
	return sync_error_json(&err);
}

static const char *message(const struct json_object *error, bool nothing, bool dry_run)
{
	if (error)
		return json_str(error, "message");
	if (nothing)
		return "Nothing in the queue is due";
	return dry_run ? "Nothing was changed (dry run)" : "Calendar synced successfully";
}

static struct json_object *answer_json(struct json_object *accounts, const struct tally *t,
				       int status, bool dry_run)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *error = error_json(t, accounts);

	json_set_bool(answer, "success", status == 0 || status == 8);
	json_set_str(answer, "message", message(error, !list_count(accounts), dry_run));
	if (error)
		json_set(answer, "error", error);
	json_set(answer, "stats", sum_counts(accounts, "stats"));
	json_set(answer, "pushed", sum_counts(accounts, "pushed"));
	json_set_int(answer, "conflicts", sum_member(accounts, "conflicts"));
	json_set_int(answer, "conflictsWaiting", sum_member(accounts, "conflictsWaiting"));
	json_set_int(answer, "requests", sum_member(accounts, "requests"));
	json_set_bool(answer, "dryRun", dry_run);
	json_set(answer, "accounts", json_object_get(accounts));
	return answer;
}

/* --- for people -------------------------------------------------------------------------- */

/* "3 created, 1 deleted"; nothing when all are 0 */
static void add_counts(struct strbuf *out, const struct json_object *counts)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t n = json_int(counts, kinds[i], 0);

		if (!n)
			continue;
		strbuf_addf(out, "%s%" PRId64 " %s", first ? "" : ", ", n, kinds[i]);
		first = false;
	}
}

static void show_calendar(const struct cmd_context *cx, const struct json_object *account,
			  const struct json_object *calendar, bool several)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct json_object *pulled = json_get(calendar, "stats");
	struct json_object *pushed = json_get(calendar, "pushed");
	int64_t refused = json_int(calendar, "failedEvents", 0);
	int64_t conflicts = json_int(calendar, "conflicts", 0);
	const char *title = json_str(calendar, "summary");

	if (!count(pulled) && !count(pushed) && !refused && !conflicts)
		return;
	if (several) {
		term_add_clean(&line, json_str(account, "account"));
		strbuf_adds(&line, ": ");
	}
	term_add_clean(&line, title ? title : json_str(calendar, "calendar"));
	strbuf_adds(&line, ": ");
	if (count(pulled)) {
		add_counts(&line, pulled);
		strbuf_adds(&line, " here");
	}
	if (count(pushed)) {
		strbuf_adds(&line, count(pulled) ? "; " : "");
		add_counts(&line, pushed);
		strbuf_adds(&line, " at Google");
	}
	if (refused)
		strbuf_addf(&line, "%s%" PRId64 " refused by Google",
			    count(pulled) || count(pushed) ? "; " : "", refused);
	if (conflicts)
		strbuf_addf(&line, "%s%" PRId64 " conflict%s (see 'calsync conflicts')",
			    count(pulled) || count(pushed) || refused ? "; " : "", conflicts,
			    conflicts == 1 ? "" : "s");
	out_note(cx, "%s\n", line.buf);
}

static void show(const struct cmd_context *cx, const struct json_object *accounts, bool dry_run)
{
	AUTO(json_object_put) struct json_object *pulled = sum_counts(accounts, "stats");
	AUTO(json_object_put) struct json_object *pushed = sum_counts(accounts, "pushed");
	size_t calendars = 0, n = list_count(accounts);
	bool several = n > 1;

	if (!n) {
		out_note(cx, "nothing in the queue is due\n");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *account = list_at(accounts, i);
		struct json_object *list = json_get(account, "calendars");

		for (size_t k = 0; k < list_count(list); k++)
			show_calendar(cx, account, list_at(list, k), several);
		calendars += list_count(list);
	}
	out_note(cx,
		 "%s%zu account%s, %zu calendar%s: %" PRId64 " change%s here, %" PRId64
		 " at Google, %" PRId64 " request%s\n",
		 dry_run ? "dry run: " : "", n, several ? "s" : "", calendars,
		 calendars == 1 ? "" : "s", count(pulled), count(pulled) == 1 ? "" : "s",
		 count(pushed), sum_member(accounts, "requests"),
		 sum_member(accounts, "requests") == 1 ? "" : "s");
}

/* Messages name their account or calendar; with several at work the line says it before. */
static void show_error(const struct json_object *account, bool several, const char *what,
		       const struct json_object *error)
{
	log_error("sync", "%s%s%s%s%s", several ? json_str(account, "account") : "",
		  several ? ": " : "", what ? what : "", what ? ": " : "",
		  json_str(error, "message"));
}

static void show_errors(const struct json_object *accounts)
{
	bool several = list_count(accounts) > 1;

	for (size_t i = 0; i < list_count(accounts); i++) {
		struct json_object *account = list_at(accounts, i);
		struct json_object *list = json_get(account, "calendars");
		bool shown = false;

		for (size_t k = 0; k < list_count(list); k++) {
			struct json_object *c = list_at(list, k);

			if (!json_get(c, "error"))
				continue;
			show_error(account, several,
				   list_count(list) > 1 ? json_str(c, "summary") : NULL,
				   json_get(c, "error"));
			shown = true;
		}
		if (!shown && json_get(account, "error"))
			show_error(account, several, NULL, json_get(account, "error"));
		if (json_int(account, "unreadable", 0))
			log_warn("sync",
				 "%s: %" PRId64 " event(s) from Google cannot be read, and are set "
				 "aside; 'calsync event list --sync-status error' lists them",
				 json_str(account, "account"), json_int(account, "unreadable", 0));
		if (json_int(account, "failedEvents", 0))
			log_error("sync",
				  "%s: Google refused %" PRId64
				  " event(s); 'calsync event list --sync-status error' lists them",
				  json_str(account, "account"),
				  json_int(account, "failedEvents", 0));
		if (json_int(account, "conflictsWaiting", 0))
			log_warn("sync",
				 "%s: %" PRId64
				 " conflict(s) wait for you; 'calsync conflicts' lists them",
				 json_str(account, "account"),
				 json_int(account, "conflictsWaiting", 0));
	}
}

int sync_report(struct cmd_context *cx, struct json_object *accounts,
		const struct sync_reporting *how)
{
	AUTO(json_object_put) struct json_object *unheard = sync_error_json(&how->notifications);
	struct tally t = {0};
	int status;

	if (unheard) { /* first: no account tells of it */
		add_failure(&t, unheard);
		log_error("sync", "%s", how->notifications.msg);
	}
	for (size_t i = 0; i < list_count(accounts); i++)
		add_account(&t, list_at(accounts, i));
	if (unheard && how->queued)
		t.good = 0; /* its own work is what failed */
	status = exit_status(&t, how->exit_code);
	show_errors(accounts);
	if (cx->global.json)
		out_json(cx, answer_json(accounts, &t, status, how->dry_run));
	else if (!unheard || list_count(accounts))
		show(cx, accounts, how->dry_run);
	return status;
}
