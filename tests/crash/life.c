#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "state.h"
#include "store.h"

#include "base/banned.h"

#define RESULT_MAX (64 << 20)

struct life {
	struct world *w;
	const struct scenario *s;
	const struct plan *plan;
	size_t hits;                 /* kills that happened */
	int64_t repair;              /* -1 = a kill has happened, no command since */
	struct json_object *effects; /* of each VERB_KILL, undisturbed */
};

/* --- commands ------------------------------------------------------------------------------ */

static struct json_object *page_json(const struct crash_page *page)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < page->count; i++) {
		struct json_object *e = json_object_new_object();

		json_set_str(e, "what", page->effects[i].what);
		json_set_bool(e, "half", page->effects[i].can_half);
		json_object_array_add(list, e);
	}
	return list;
}

/* Nothing that a kill leaves behind is damaged, and the scenario's own `after` holds. */
static int look_after_kill(struct life *l, const struct statement *st, struct err *err)
{
	bool holds = true;

	if (store_whole(l->w, err))
		return -1;
	if (st && st->after && store_says(l->w, st->after, true, &holds, err))
		return -1;
	return holds ? 0 : err_set(err, ERR_FAILED, "after the kill it is not so: %s", st->after);
}

/* first: of the statement that the plan's first kill is for. */
static int command(struct life *l, const struct statement *st, const char *words, bool first,
		   struct ending *end, struct err *err)
{
	struct kill_point at = {0};
	bool repairs = l->repair < 0;

	if (l->hits < l->plan->count && (l->hits || first))
		at = l->plan->kills[l->hits];
	if (world_command(l->w, words, at, end, err))
		return -1;
	if (repairs)
		l->repair = l->w->page->count;
	if (!end->killed)
		return 0;
	if (!l->hits)
		l->repair = -1;
	l->hits++;
	return look_after_kill(l, st, err);
}

/* yet false: before the change that was killed is made again. There may be no login yet then, or one
 * of several accounts has none, or a conflict waits for the command. */
static int final_command(struct life *l, bool yet, struct err *err)
{
	AUTO(ending_release) struct ending end = {.out = STRBUF_INIT, .errors = STRBUF_INIT};

	if (!l->s->final)
		return 0;
	do
		if (command(l, NULL, l->s->final, false, &end, err))
			return -1;
	while (end.killed);
	return ending_check(&end, l->s->final,
			    l->s->final_exits | (yet ? 0 : EXIT_BIT(3) | EXIT_BIT(6) | EXIT_BIT(7)),
			    err);
}

/* Whether the killed command's change is there. What it told its user is. */
static int is_durable(struct life *l, const struct statement *st, const struct ending *end,
		      bool *out, struct err *err)
{
	if (store_says(l->w, st->done, false, out, err))
		return -1;
	if (end->out.len && !*out)
		return err_set(err, ERR_FAILED, "it was told as done, but is not there: %s",
			       end->out.buf);
	return 0;
}

static int killed_statement(struct life *l, const struct statement *st, bool first, struct err *err)
{
	AUTO(ending_release) struct ending end = {.out = STRBUF_INIT, .errors = STRBUF_INIT};
	bool durable = false;

	for (;;) {
		if (command(l, st, st->text, first, &end, err))
			return -1;
		if (!end.killed)
			break;
		if (!st->done)
			continue;
		if (is_durable(l, st, &end, &durable, err))
			return -1;
		if (durable)
			return 0;
		if (final_command(l, false, err))
			return -1;
	}
	if (!l->plan->count)
		json_object_array_add(l->effects, page_json(l->w->page));
	if (ending_check(&end, st->text, st->exits, err))
		return -1;
	if (st->done && store_says(l->w, st->done, false, &durable, err))
		return -1;
	return !st->done || durable ? 0
				    : err_set(err, ERR_FAILED, "calsync %s: it is not done: %s",
					      st->text, st->done);
}

static int statements(struct life *l, struct err *err)
{
	for (size_t i = l->s->prepared; i < l->s->count; i++) {
		const struct statement *st = &l->s->list[i];

		if (st->verb == VERB_KILL ? killed_statement(l, st, i == l->plan->statement, err)
					  : world_statement(l->w, st, err))
			return err_wrap(err, "line %d", st->line);
	}
	return 0;
}

/* --- the end ------------------------------------------------------------------------------- */

static bool counts_nothing(const struct json_object *n)
{
	return !json_int(n, "created", -1) && !json_int(n, "updated", -1) &&
	       !json_int(n, "deleted", -1);
}

/* One request a calendar, and one an account for the list of them. */
static int64_t requests_allowed(const struct json_object *answer)
{
	struct json_object *accounts = json_get(answer, "accounts");
	size_t n = json_object_array_length(accounts);

	for (size_t i = 0; i < json_object_array_length(accounts); i++)
		n += json_object_array_length(
			json_get(json_object_array_get_idx(accounts, i), "calendars"));
	return (int64_t)n;
}

/* Of a sync, and of a command on channels, which asks nothing then. */
static bool did_nothing(const struct json_object *answer)
{
	int64_t asked = json_int(answer, "requests", INT64_MAX);

	if (!json_has(answer, "stats"))
		return !asked;
	return counts_nothing(json_get(answer, "stats")) &&
	       counts_nothing(json_get(answer, "pushed")) && asked <= requests_allowed(answer);
}

static int nothing_to_do(struct life *l, struct err *err)
{
	AUTO(json_object_put) struct json_object *answer = NULL;
	AUTO(free) char *words = NULL;

	if (!l->s->final)
		return 0;
	words = xasprintf("%s --json", l->s->final);
	if (google_control(&l->w->google, "DELETE", "requests", NULL, NULL, err) ||
	    world_run(l->w, words, l->s->final_exits, &answer, err))
		return -1;
	if (!did_nothing(answer) || state_writes(l->w))
		return err_set(err, ERR_FAILED, "there was still something to do: %s",
			       json_text(answer));
	return 0;
}

/* That the scenario is what it says it is. */
static int check_claims(struct life *l, struct err *err)
{
	for (char **sql = l->s->local; sql && *sql; sql++) {
		bool holds;

		if (store_says(l->w, *sql, false, &holds, err))
			return -1;
		if (!holds)
			return err_set(err, ERR_FAILED, "in the end it is not so: %s", *sql);
	}
	if (state_count(l->w, "violations"))
		return err_set(err, ERR_FAILED, "Google would mind: GET /sandbox/violations");
	if (l->s->there && state_there(l->w, l->s->there, err))
		return -1;
	if (l->s->mails >= 0 && state_count(l->w, "mail") != (size_t)l->s->mails)
		return err_set(err, ERR_FAILED, "%zu mails, not %ld", state_count(l->w, "mail"),
			       l->s->mails);
	return 0;
}

static int live(struct life *l, struct json_object **out_state, struct err *err)
{
	if (world_enter(l->w, err) || statements(l, err))
		return -1;
	if (google_control(&l->w->google, "DELETE", "faults", NULL, NULL, err) ||
	    final_command(l, true, err) || nothing_to_do(l, err) || store_whole(l->w, err) ||
	    (!l->s->apart && state_sides(l->w, err)) || (!l->plan->count && check_claims(l, err)))
		return -1;
	return state_take(l->w, l->s->except, out_state, err);
}

/* --- the fork ------------------------------------------------------------------------------ */

static struct json_object *live_and_tell(struct life *l, const struct json_object *want)
{
	struct json_object *result = json_object_new_object();
	AUTO(strbuf_release) struct strbuf difference = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *state = NULL;
	struct err err = {0};

	l->effects = json_object_new_array();
	if (live(l, &state, &err)) {
		json_set_str(result, "error", err.msg);
	} else if (!want) {
		json_set(result, "state", TAKE(state));
	} else if (state_differs(want, state, &difference)) {
		AUTO(free) char *text = xasprintf("it ends otherwise:\n%s", difference.buf);

		json_set_str(result, "error", text);
	}
	json_set(result, "effects", l->effects);
	json_set_int(result, "hits", (int64_t)l->hits);
	json_set_int(result, "repair", l->repair > 0 ? l->repair : 0);
	return result;
}

static _Noreturn void child_main(struct life *l, const struct json_object *want, int fd)
{
	struct json_object *result = live_and_tell(l, want);
	const char *text = json_text(result);

	_exit(io_write_all(fd, text, strlen(text)) ? 1 : 0);
}

int life_run(struct world *w, const struct scenario *s, const struct plan *plan,
	     const struct json_object *want, struct json_object **out_result, struct err *err)
{
	struct life l = {.w = w, .s = s, .plan = plan};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int fds[2], rc, status = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child_main(&l, want, fds[1]);
	close(fds[1]);
	rc = pid < 0 ? err_set(err, ERR_FAILED, "cannot fork: %s", strerror(errno))
		     : io_read_fd(fds[0], "a run", RESULT_MAX, &text, err);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return -1;
	if (status)
		return err_set(err, ERR_FAILED, "the run itself died with status %#x",
			       (unsigned int)status);
	return json_parse(text.buf, text.len, out_result, err);
}
