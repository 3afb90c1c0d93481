/* `verify`: is the store what Google has? Nothing is written on either side. */
#include "sync/verify.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/term.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_diff.h"
#include "cmd/output.h"
#include "base/banned.h"

struct verify_opts {
	bool all;
	const char *calendar;
	struct int_value wait;
};

static const struct option_spec options[] = {
	OPT_FLAG(0, "all", struct verify_opts, all, "every connected account"),
	OPT_STRING('c', "calendar", struct verify_opts, calendar, "CALENDAR",
		   "this calendar alone, selected or not"),
	OPT_INT(0, "wait", struct verify_opts, wait, "SECONDS", 0, 86400,
		"wait for a sync of the account to end"),
	OPT_END,
};

/* --- doing it ----------------------------------------------------------------------------- */

static struct json_object *verify_one(struct cmd_context *cx, const struct account *a,
				      const struct verify_options *o)
{
	struct sync_env env = {.store = cx->store, .clock = cx->clock};
	struct err err = {0};

	if (cmd_sync_env(cx, &env, &err))
		return verify_failure(a, &err);
	return verify_account(&env, a, o);
}

static int verify_accounts(struct cmd_context *cx, const struct verify_opts *o,
			   const struct account_list *accounts, struct json_object *answers,
			   struct err *err)
{
	for (size_t i = 0; i < accounts->count; i++) {
		const struct account *a = &accounts->items[i];
		AUTO(calendar_release) struct calendar c = {0};
		struct verify_options vo = {.wait_ms = o->wait.n * 1000};

		if (o->all && a->state == ACCOUNT_DISCONNECTED)
			continue;
		if (o->calendar && cmd_calendar(cx, a->id, o->calendar, &c, err)) {
			if (!o->all || err->code != ERR_NOT_FOUND)
				return -1;
			continue; /* another account has it */
		}
		vo.calendar = c.google_id;
		json_object_array_add(answers, verify_one(cx, a, &vo));
	}
	if (json_object_array_length(answers))
		return 0;
	if (o->calendar)
		return err_set(err, ERR_NOT_FOUND, "no account has a calendar '%s'", o->calendar);
	return err_set(err, ERR_NOT_CONNECTED, "no account is connected; run 'calsync connect'");
}

/* --- the answer --------------------------------------------------------------------------- */

static int64_t sum(const struct json_object *answers, const char *member)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_object_array_length(answers); i++)
		n += json_int(json_object_array_get_idx(answers, i), member, 0);
	return n;
}

static struct json_object *first_error(const struct json_object *answers)
{
	for (size_t i = 0; i < json_object_array_length(answers); i++) {
		struct json_object *error =
			json_get(json_object_array_get_idx(answers, i), "error");

		if (error)
			return error;
	}
	return NULL;
}

static void print_json(struct cmd_context *cx, struct json_object *answers)
{
	static const char *const sums[] = {"differences", "events", "waiting", "localOnly",
					   "requests"};
	struct json_object *answer = json_object_new_object();
	struct json_object *error = first_error(answers);

	json_set_bool(answer, "success", !error);
	json_set(answer, "error", json_object_get(error));
	json_set_bool(answer, "identical", !error && !sum(answers, "differences"));
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		json_set_int(answer, sums[i], sum(answers, sums[i]));
	json_set(answer, "accounts", json_object_get(answers));
	out_json(cx, answer);
}

/* "title: 'Here' -> 'At Google'" */
static void add_fields(const struct json_object *difference, struct strbuf *out)
{
	AUTO(json_object_put) struct json_object *local = json_object_new_object();
	AUTO(json_object_put) struct json_object *remote = json_object_new_object();
	struct json_object *fields = json_get(difference, "fields");
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < json_object_array_length(fields); i++) {
		const struct json_object *f = json_object_array_get_idx(fields, i);
		const char *name = json_str(f, "field");

		json_set(local, name, json_object_get(json_get(f, "local")));
		json_set(remote, name, json_object_get(json_get(f, "remote")));
	}
	event_diff_text(local, remote, zone_system(), &text);
	if (text.len)
		strbuf_addf(out, ": here -> Google: %s", text.buf);
}

static void print_difference(const struct json_object *calendar, const struct json_object *d,
			     bool several)
{
	const char *kind = json_str(d, "kind");
	const char *title = json_str(d, "summary");
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	AUTO(free) char *clean = NULL;

	if (several)
		strbuf_addf(&line, "%s: ", json_str(calendar, "summary"));
	if (!strcmp(kind, "missing_here"))
		strbuf_adds(&line, "missing here: ");
	else if (!strcmp(kind, "missing_at_google"))
		strbuf_adds(&line, "missing at Google: ");
	else if (!strcmp(kind, "unreadable"))
		strbuf_adds(&line, "cannot be read: ");
	event_diff_quote(title && *title ? title : "no title", &line);
	if (json_str(d, "id"))
		strbuf_addf(&line, " (%s)", json_str(d, "id"));
	add_fields(d, &line);
	clean = term_clean(line.buf);
	out_printf("%s\n", clean);
}

static void print_account(const struct json_object *account, bool several)
{
	struct json_object *calendars = json_get(account, "calendars");
	size_t count = json_object_array_length(calendars);
	struct json_object *error = json_get(account, "error");

	for (size_t i = 0; i < count; i++) {
		const struct json_object *c = json_object_array_get_idx(calendars, i);
		struct json_object *list = json_get(c, "differences");

		for (size_t k = 0; k < json_object_array_length(list); k++)
			print_difference(c, json_object_array_get_idx(list, k),
					 several || count > 1);
	}
	if (error)
		log_error("verify", "%s%s%s", several ? json_str(account, "account") : "",
			  several ? ": " : "", json_str(error, "message"));
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_text(const struct cmd_context *cx, const struct json_object *answers)
{
	int64_t differences = sum(answers, "differences"), events = sum(answers, "events");
	int64_t waiting = sum(answers, "waiting"), local = sum(answers, "localOnly");
	size_t count = json_object_array_length(answers);
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	for (size_t i = 0; i < count; i++)
		print_account(json_object_array_get_idx(answers, i), count > 1);
	strbuf_addf(&line, "%" PRId64 " event%s at Google, %" PRId64 " difference%s", events,
		    plural(events), differences, plural(differences));
	if (waiting)
		strbuf_addf(&line, "; %" PRId64 " change%s here wait%s", waiting, plural(waiting),
			    waiting == 1 ? "s" : "");
	if (local)
		strbuf_addf(&line, "; %" PRId64 " event%s local only", local, plural(local));
	if (first_error(answers))
		strbuf_adds(&line, "; not all could be compared");
	out_note(cx, "%s\n", line.buf);
}

/* What could not be compared counts before what differs: the answer is not a whole one. */
static int exit_status(const struct json_object *answers)
{
	size_t good = 0, count = json_object_array_length(answers);
	int worst = 0;

	for (size_t i = 0; i < count; i++) {
		const struct json_object *a = json_object_array_get_idx(answers, i);
		struct json_object *calendars = json_get(a, "calendars");

		good += json_flag(a, "success", false);
		for (size_t k = 0; k < json_object_array_length(calendars); k++)
			good += json_flag(json_object_array_get_idx(calendars, k), "success",
					  false);
		if (json_get(a, "error") &&
		    (!worst || json_error_status(json_get(a, "error")) == 3))
			worst = json_error_status(json_get(a, "error"));
	}
	if (worst)
		return good ? 7 : worst;
	return sum(answers, "differences") ? 1 : 0;
}

static int run_verify(struct cmd_context *cx, struct err *err)
{
	const struct verify_opts *o = cx->opts;
	AUTO(json_object_put) struct json_object *answers = json_object_new_array();
	AUTO(account_list_release) struct account_list accounts = {0};

	if (o->all && cx->global.account)
		return err_set(err, ERR_USAGE, "--all and --account exclude each other");
	if (o->all) {
		if (store_account_list(cx->store, &accounts, err))
			return -1;
	} else {
		accounts.items = xcalloc(1, sizeof(*accounts.items));
		if (cmd_account(cx, &accounts.items[0], err))
			return -1;
		accounts.count = 1;
	}
	if (verify_accounts(cx, o, &accounts, answers, err))
		return -1;
	if (cx->global.json)
		print_json(cx, answers);
	else
		print_text(cx, answers);
	return exit_status(answers);
}

const struct cmd cmd_verify = {
	.name = "verify",
	.synopsis = "[OPTION]...",
	.summary = "compare the store with Google, change nothing",
	.help = "Every event of the selected calendars, field by field. Changes that wait here "
		"are\n"
		"no differences, they are counted apart. What a sync would bring from Google is\n"
		"one: run 'calsync sync' first, and 'calsync sync --full' where a difference\n"
		"stays. Nothing is written, neither here nor at Google.\n"
		"\n"
		"Exit status: 0 no difference, 1 there are some; 3, 4 or 7 when Google could not\n"
		"be asked for all of it.\n",
	.options = options,
	.opts_size = sizeof(struct verify_opts),
	.needs = NEEDS_STORE,
	.run = run_verify,
};
