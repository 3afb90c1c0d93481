#include "history.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "rng.h"

#include "base/banned.h"

static const struct {
	const char *words;
	uint8_t weight;
} ops[] = {
#define X(id, words, weight) {words, weight},
	SIM_OPS(X)
#undef X
};

const char *op_words(enum op_kind kind)
{
	const char *words = ops[kind].words;

	return strncmp(words, "store: ", 7) ? words : words + 7;
}

bool op_is_at_google(enum op_kind kind)
{
	return !strncmp(ops[kind].words, "google:", 7) || kind == OP_WAIT;
}

bool op_is_sync(enum op_kind kind)
{
	return !strncmp(ops[kind].words, "sync", 4) || kind == OP_PUSH;
}

/* --- making ------------------------------------------------------------------------------ */

/* Each history likes some kinds more than others, and lacks a few: otherwise all would be alike. */
struct taste {
	uint32_t weight[OP_KINDS], sum;
};

static void taste_make(struct rng *r, struct taste *t)
{
	static const uint8_t factor[] = {0, 1, 1, 1, 2, 4};

	t->sum = 0;
	for (int i = 0; i < OP_KINDS; i++) {
		t->weight[i] = ops[i].weight * factor[rng_below(r, sizeof(factor))];
		if (i == OP_SYNC && !t->weight[i])
			t->weight[i] = ops[i].weight;
		t->sum += t->weight[i];
	}
}

static uint8_t pick_kind(struct rng *r, const struct taste *t)
{
	uint32_t at = rng_below(r, t->sum);
	uint8_t i = 0;

	while (at >= t->weight[i])
		at -= t->weight[i++];
	return i;
}

static struct op op_make(struct rng *r, const struct taste *t, const struct sim_history *h,
			 size_t number)
{
	struct op op = {.no = (uint16_t)number};

	op.kind = pick_kind(r, t);
	op.store = (uint8_t)rng_below(r, h->stores);
	op.seed = (uint32_t)rng_next(r);
	return op;
}

static void add_faults(struct rng *r, const struct sim_history *h, struct step *s)
{
	for (uint16_t at = 1; at < 80 && s->fault_count < SIM_FAULTS; at++) {
		if (!rng_chance(r, (uint32_t)h->fault_percent))
			continue;
		s->faults[s->fault_count].at = at;
		s->faults[s->fault_count++].seed = (uint32_t)rng_next(r);
	}
}

static void add_whiles(struct rng *r, const struct taste *t, const struct sim_history *h,
		       struct step *s)
{
	while (s->while_count < SIM_WHILES && rng_chance(r, 25)) {
		struct sim_while *w = &s->whiles[s->while_count++];

		w->at = (uint16_t)(1 + rng_below(r, 8));
		w->after = rng_chance(r, 50);
		w->op = op_make(r, t, h, s->op.no + s->while_count);
	}
}

static struct step step_make(struct rng *r, const struct taste *t, const struct sim_history *h,
			     size_t index, uint32_t crash_percent)
{
	struct step s = {0};
	bool sends;

	s.op = op_make(r, t, h, index * SIM_NUMBERS + 1);
	sends = op_is_sync(s.op.kind);
	if (sends) {
		add_faults(r, h, &s);
		add_whiles(r, t, h, &s);
	}
	if (!op_is_at_google(s.op.kind) && rng_chance(r, crash_percent))
		s.crash = (uint16_t)(1 + rng_below(r, sends ? 40 : 4));
	return s;
}

void history_make(uint64_t seed, struct sim_history *out)
{
	static const int64_t skews[] = {0, 0, 0, -1500, 3000, -90000, 7200000, -259200000};
	static const int pages[] = {0, 2, 2, 3, 3, 4, 5, 6};
	static const int batches[] = {1000, 1000, 50, 3};
	static const uint8_t calendars[] = {1, 1, 2, 2, SIM_CALENDARS};
	struct rng r = rng_from(seed, 0);
	uint32_t crash_percent;
	struct taste taste;

	memset(out, 0, sizeof(*out));
	out->seed = seed;
	out->stores = (uint8_t)(1 + rng_below(&r, SIM_STORES));
	out->calendars = calendars[rng_below(&r, ARRAY_SIZE(calendars))];
	for (int i = 0; i < SIM_STORES; i++)
		out->skew_ms[i] = skews[rng_below(&r, ARRAY_SIZE(skews))];
	out->max_page = pages[rng_below(&r, ARRAY_SIZE(pages))];
	out->empty_pages = rng_chance(&r, 20);
	out->max_batch = batches[rng_below(&r, ARRAY_SIZE(batches))];
	out->fault_percent = rng_chance(&r, 25) ? 0 : (int)(1 + rng_below(&r, 30));
	crash_percent = rng_chance(&r, 40) ? 0 : 5 + rng_below(&r, 26);
	taste_make(&r, &taste);
	out->step_count = 4 + rng_below(&r, SIM_STEPS - 15);
	for (size_t i = 0; i < out->step_count; i++)
		out->steps[i] = step_make(&r, &taste, out, i, crash_percent);
}

/* --- for people -------------------------------------------------------------------------- */

static void print_op(const struct op *op, FILE *out)
{
	if (op_is_at_google(op->kind))
		fprintf(out, "%s", op_words(op->kind));
	else
		fprintf(out, "store %d: %s", op->store + 1, op_words(op->kind));
}

void history_print(const struct sim_history *h, FILE *out)
{
	fprintf(out, "seed %" PRIu64 ": %d store%s, %d calendar%s, pages of %d%s", h->seed,
		h->stores, h->stores > 1 ? "s" : "", h->calendars, h->calendars > 1 ? "s" : "",
		h->max_page, h->empty_pages ? " and empty ones" : "");
	for (int i = 0; i < h->stores; i++)
		fprintf(out, ", clock %d %+.1f s", i + 1, (double)h->skew_ms[i] / 1000);
	fprintf(out, "\n");
	for (size_t i = 0; i < h->step_count; i++) {
		const struct step *s = &h->steps[i];

		fprintf(out, "%4d ", s->op.no);
		print_op(&s->op, out);
		if (s->crash)
			fprintf(out, ", dies at effect %d", s->crash);
		for (int k = 0; k < s->fault_count; k++)
			fprintf(out, "%s%d", k ? "," : ", faults at requests ", s->faults[k].at);
		fprintf(out, "\n");
		for (int k = 0; k < s->while_count; k++) {
			fprintf(out, "%4d   meanwhile, %s request %d: ", s->whiles[k].op.no,
				s->whiles[k].after ? "behind" : "before", s->whiles[k].at);
			print_op(&s->whiles[k].op, out);
			fprintf(out, "\n");
		}
	}
}
