#include "enumerate.h"

#include <string.h>

#include "base/xalloc.h"

#include "base/banned.h"

struct tour {
	struct world world;
	const struct scenario *s;
	struct shard shard;
	struct json_object *undisturbed; /* result of that run */
	struct json_object *failures;
	size_t all;             /* points that there are */
	size_t seen;            /* of them so far */
	size_t picked;          /* of these so far, those of other shards too */
	size_t points, doubles; /* run by this one */
	size_t of_doubles;      /* points that doubles can start from, so far */
};

/* --- preparations -------------------------------------------------------------------------- */

/* A token that is minted in a fork would be another one in each. */
static int mint_tokens(struct world *w, const struct scenario *s, struct err *err)
{
	for (size_t i = s->prepared; i < s->count; i++) {
		char **words = words_split(s->list[i].text);
		int rc = 0;

		for (char **p = words; *p && !rc; p++)
			if (**p == '<')
				rc = world_refresh_token(w, *p + 1, err);
		words_free(words);
		if (rc)
			return -1;
	}
	return 0;
}

static int prepare(struct world *w, const struct scenario *s, struct err *err)
{
	for (size_t i = 0; i < s->prepared; i++)
		if (world_statement(w, &s->list[i], err))
			return err_wrap(err, "line %d", s->list[i].line);
	/* Mails and violations of the preparations are none of the runs'. */
	if (mint_tokens(w, s, err) || google_control(&w->google, "DELETE", "mail", NULL, NULL, err))
		return -1;
	return world_keep(w, err);
}

static int run_undisturbed(struct tour *t, struct err *err)
{
	struct plan plan = {0};
	struct json_object *effects;

	if (life_run(&t->world, t->s, &plan, NULL, &t->undisturbed, err))
		return -1;
	if (json_str(t->undisturbed, "error"))
		return err_set(err, ERR_FAILED, "undisturbed: %s",
			       json_str(t->undisturbed, "error"));
	effects = json_get(t->undisturbed, "effects");
	for (size_t i = 0; i < json_object_array_length(effects); i++)
		if (!json_object_array_length(json_object_array_get_idx(effects, i)))
			return err_set(err, ERR_FAILED, "a command has no effect: is %s loaded?",
				       "kill.so");
	return 0;
}

static int open_tour(struct tour *t, const char *build, struct err *err)
{
	if (world_open(&t->world, build, err) || prepare(&t->world, t->s, err))
		return -1;
	return run_undisturbed(t, err);
}

static void close_tour(struct tour *t)
{
	world_close(&t->world);
	json_object_put(t->undisturbed);
}

/* --- one point ----------------------------------------------------------------------------- */

static void add_point(struct strbuf *out, const struct kill_point *k)
{
	static const char *const letters[] = {
		[CRASH_BEFORE] = "", [CRASH_HALF] = "h", [CRASH_AFTER] = "a"};

	strbuf_addf(out, "%u%s", k->at, letters[k->when]);
}

/* As enumerate_one() takes it, and the effect's name. */
static void describe(const struct tour *t, const struct plan *plan, const char *what,
		     struct strbuf *out)
{
	strbuf_addf(out, "%d:", t->s->list[plan->statement].line);
	for (size_t i = 0; i < plan->count; i++) {
		if (i)
			strbuf_addc(out, ',');
		add_point(out, &plan->kills[i]);
	}
	strbuf_addf(out, " (%s)", what);
}

static void fail(struct tour *t, const struct plan *plan, const char *what, const char *why)
{
	struct json_object *failure = json_object_new_object();
	AUTO(strbuf_release) struct strbuf at = STRBUF_INIT;

	describe(t, plan, what, &at);
	json_set_str(failure, "at", at.buf);
	json_set_str(failure, "why", why);
	json_object_array_add(t->failures, failure);
}

/* out_repair: effects of what came after the first kill. */
static int try_plan(struct tour *t, const struct plan *plan, const char *what, int64_t *out_repair,
		    struct err *err)
{
	AUTO(json_object_put) struct json_object *result = NULL;
	const char *error;

	if (life_run(&t->world, t->s, plan, json_get(t->undisturbed, "state"), &result, err))
		return -1;
	error = json_str(result, "error");
	if (error)
		fail(t, plan, what, error);
	else if (!t->s->loose && json_int(result, "hits", 0) != (int64_t)plan->count)
		fail(t, plan, what, "the kill never came: the effects are not always the same");
	*out_repair = json_int(result, "repair", 0);
	return 0;
}

/* --- pairs --------------------------------------------------------------------------------- */

/* How many second kills this first one gets: all, or its part of the scenario's number. */
static size_t doubles_of(const struct tour *t, size_t starts, int64_t repair)
{
	size_t n = t->of_doubles, total = (size_t)t->s->doubles, all = (size_t)repair + 1;

	if (t->s->doubles == DOUBLES_ALL)
		return all;
	n = (n + 1) * total / starts - n * total / starts;
	return n < all ? n : all;
}

/* Spread over the repair; the start moves on from one first kill to the next. */
static int run_doubles(struct tour *t, const struct plan *first, const char *what, size_t starts,
		       int64_t repair, struct err *err)
{
	size_t n = doubles_of(t, starts, repair), last = (size_t)repair;
	struct plan plan = *first;
	int64_t unused;

	plan.count = 2;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)((t->of_doubles * 31 + i * (last + 1) / n) % (last + 1));

		plan.kills[1] = (struct kill_point){at + 1, CRASH_BEFORE};
		if (at == last)
			plan.kills[1] = (struct kill_point){at, CRASH_AFTER};
		if (try_plan(t, &plan, what, &unused, err))
			return -1;
		t->doubles++;
	}
	return 0;
}

/* --- all points ---------------------------------------------------------------------------- */

/* With a spread of n: n of all, at even distances. */
static bool is_picked(const struct tour *t)
{
	size_t n = t->s->spread ? (size_t)t->s->spread : t->all;

	return n >= t->all || (t->seen + 1) * n / t->all != t->seen * n / t->all;
}

static int run_point(struct tour *t, const struct plan *plan, const char *what, size_t starts,
		     struct err *err)
{
	int64_t repair = 0;
	bool picked = is_picked(t);

	t->seen++;
	if (!picked)
		return 0;
	if (t->picked++ % t->shard.count == t->shard.index) {
		if (try_plan(t, plan, what, &repair, err))
			return -1;
		t->points++;
		if (plan->kills[0].when != CRASH_HALF && repair &&
		    run_doubles(t, plan, what, starts, repair, err))
			return -1;
	}
	t->of_doubles += plan->kills[0].when != CRASH_HALF;
	return 0;
}

static bool writes_wal(const struct json_object *effect)
{
	const char *what = json_str(effect, "what");

	return what && !strncmp(what, "pwrite", 6) && strstr(what, "-wal ");
}

/* Whether half of it is another state than none of it. Not in the WAL before the last frame of a
 * transaction: SQLite takes up no frame of one that has no whole end. */
static bool is_cut(struct json_object *effects, size_t i)
{
	struct json_object *e = json_object_array_get_idx(effects, i);

	return json_flag(e, "half", false) &&
	       !(writes_wal(e) && writes_wal(json_object_array_get_idx(effects, i + 1)));
}

static int run_command_points(struct tour *t, size_t statement, struct json_object *effects,
			      size_t starts, struct err *err)
{
	size_t n = json_object_array_length(effects);

	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(effects, i);
		struct plan plan = {.statement = statement, .count = 1};

		plan.kills[0] = (struct kill_point){.at = (uint32_t)i + 1, .when = CRASH_BEFORE};
		if (run_point(t, &plan, json_str(e, "what"), starts, err))
			return -1;
		plan.kills[0].when = CRASH_HALF;
		if (is_cut(effects, i) && run_point(t, &plan, json_str(e, "what"), starts, err))
			return -1;
		plan.kills[0].when = CRASH_AFTER; /* elsewhere it is before the next one */
		if (i + 1 == n && run_point(t, &plan, json_str(e, "what"), starts, err))
			return -1;
	}
	return 0;
}

/* effects NULL: the scenario did not get as far. */
static size_t count_effects(const struct json_object *effects)
{
	size_t n = 0;

	if (!effects)
		return 0;
	for (size_t i = 0; i < json_object_array_length(effects); i++)
		n += json_object_array_length(json_object_array_get_idx(effects, i));
	return n;
}

/* Before each effect, in the middle of some, after the last of each command. */
static size_t count_points(const struct json_object *effects)
{
	size_t n = count_effects(effects) + json_object_array_length(effects);

	for (size_t i = 0; i < json_object_array_length(effects); i++) {
		struct json_object *list = json_object_array_get_idx(effects, i);

		for (size_t k = 0; k < json_object_array_length(list); k++)
			n += is_cut(list, k);
	}
	return n;
}

static int run_points(struct tour *t, struct err *err)
{
	struct json_object *effects = json_get(t->undisturbed, "effects");
	size_t starts = count_effects(effects) + json_object_array_length(effects);
	size_t which = 0;

	t->all = count_points(effects);
	for (size_t i = t->s->prepared; i < t->s->count; i++)
		if (t->s->list[i].verb == VERB_KILL &&
		    run_command_points(t, i, json_object_array_get_idx(effects, which++), starts,
				       err))
			return -1;
	return 0;
}

int enumerate_scenario(const struct scenario *s, const char *build, struct shard shard,
		       struct json_object **out, struct err *err)
{
	struct tour t = {.s = s, .shard = shard, .failures = json_object_new_array()};
	struct json_object *result = json_object_new_object();
	int rc = 0;

	json_set(result, "failures", t.failures);
	if (open_tour(&t, build, err))
		json_set_str(result, "error", err->msg);
	else
		rc = run_points(&t, err);
	json_set_int(result, "effects", (int64_t)count_effects(json_get(t.undisturbed, "effects")));
	json_set_int(result, "points", (int64_t)t.points);
	json_set_int(result, "all", (int64_t)t.all);
	json_set_int(result, "doubles", (int64_t)t.doubles);
	close_tour(&t);
	*out = result;
	return rc;
}

/* --- one alone ----------------------------------------------------------------------------- */

static int parse_point(const char **p, struct kill_point *out, struct err *err)
{
	char *end;
	unsigned long n = strtoul(*p, &end, 10);

	if (end == *p || !n || n > CRASH_EFFECTS_MAX)
		return err_set(err, ERR_INVALID, "no kill point: '%s'", *p);
	*out = (struct kill_point){.at = (uint32_t)n};
	if (*end == 'h')
		out->when = CRASH_HALF;
	else if (*end == 'a')
		out->when = CRASH_AFTER;
	*p = end + (out->when != CRASH_BEFORE);
	return 0;
}

static int parse_plan(const struct scenario *s, const char *spec, struct plan *out, struct err *err)
{
	char *rest;
	long line = strtol(spec, &rest, 10);
	const char *p = rest;

	*out = (struct plan){0};
	while (out->statement < s->count && s->list[out->statement].line != line)
		out->statement++;
	if (out->statement == s->count || *p != ':')
		return err_set(err, ERR_INVALID, "'%s' has no command in line %ld", s->name, line);
	do {
		p++;
		if (out->count == KILLS_MAX || parse_point(&p, &out->kills[out->count++], err))
			return err_set(err, ERR_INVALID, "'%s': LINE:N[h|a][,N[h|a]]", spec);
	} while (*p == ',');
	return 0;
}

static void print_effects(const struct tour *t)
{
	struct json_object *commands = json_get(t->undisturbed, "effects");
	size_t which = 0;

	for (size_t i = t->s->prepared; i < t->s->count; i++) {
		struct json_object *effects;

		if (t->s->list[i].verb != VERB_KILL)
			continue;
		effects = json_object_array_get_idx(commands, which++);
		printf("calsync %s\n", t->s->list[i].text);
		for (size_t k = 0; k < json_object_array_length(effects); k++)
			printf("  %d:%zu %s\n", t->s->list[i].line, k + 1,
			       json_str(json_object_array_get_idx(effects, k), "what"));
	}
}

static void print_state(const struct tour *t)
{
	struct json_object *state = json_get(t->undisturbed, "state");

	for (size_t i = 0; i < json_object_array_length(state); i++)
		printf("%s\n", json_object_get_string(json_object_array_get_idx(state, i)));
}

static int run_one(struct tour *t, const char *spec, struct err *err)
{
	AUTO(json_object_put) struct json_object *result = NULL;
	const char *error;
	struct plan plan;

	if (!strcmp(spec, "0")) {
		print_effects(t);
		print_state(t);
		return 0;
	}
	if (parse_plan(t->s, spec, &plan, err) ||
	    life_run(&t->world, t->s, &plan, json_get(t->undisturbed, "state"), &result, err))
		return -1;
	error = json_str(result, "error");
	printf("%s: %lld kills, %lld effects of the repair: %s\n", spec,
	       (long long)json_int(result, "hits", 0), (long long)json_int(result, "repair", 0),
	       error ? error : "ok");
	return error ? err_set(err, ERR_FAILED, "it failed") : 0;
}

int enumerate_one(const struct scenario *s, const char *build, const char *spec, struct err *err)
{
	struct tour t = {.s = s, .failures = json_object_new_array()};
	int rc = open_tour(&t, build, err) || run_one(&t, spec, err) ? -1 : 0;

	close_tour(&t);
	json_object_put(t.failures);
	return rc;
}
