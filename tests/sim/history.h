/*
 * A history: what users do on both sides, which syncs run in between, what goes wrong with each
 * request, and where a process dies. All of it is laid down before anything runs, and follows
 * from the seed.
 *
 * A step picks its event by its own seed among those that are there then (the highest hash wins),
 * and its values by its own number: so a history from which some steps were taken out still does
 * the same in the others, as far as it can. That is what lets a failure shrink.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_STORES    3
#define SIM_CALENDARS 3 /* the primary one, a second own one, one that may only be read */
#define SIM_STEPS     48
#define SIM_FAULTS    24 /* of one step */
#define SIM_WHILES    3
#define SIM_NUMBERS   4 /* of one step: it, and what happens meanwhile */

/* What may happen: id, words, weight. G: at Google, by hand; L: on a store; the rest are syncs
 * and the world. */
#define SIM_OPS(X)                                                   \
	X(OP_G_ADD, "google: add an event", 10)                      \
	X(OP_G_ADD_SERIES, "google: add a series", 4)                \
	X(OP_G_EDIT, "google: edit an event", 14)                    \
	X(OP_G_DELETE, "google: delete an event", 4)                 \
	X(OP_G_UNDELETE, "google: bring a deleted event back", 2)    \
	X(OP_G_OCCURRENCE, "google: edit an occurrence", 6)          \
	X(OP_G_CANCEL, "google: cancel an occurrence", 3)            \
	X(OP_G_MOVE, "google: move an event to another calendar", 3) \
	X(OP_G_ANSWER, "google: a guest answers", 4)                 \
	X(OP_G_INVITE, "google: somebody invites the account", 2)    \
	X(OP_G_HOST, "google: the host changes an invitation", 2)    \
	X(OP_L_ADD, "store: add an event", 10)                       \
	X(OP_L_ADD_SERIES, "store: add a series", 4)                 \
	X(OP_L_EDIT, "store: edit an event", 16)                     \
	X(OP_L_DELETE, "store: delete an event", 5)                  \
	X(OP_L_OCCURRENCE, "store: edit an occurrence", 5)           \
	X(OP_L_CANCEL, "store: cancel an occurrence", 3)             \
	X(OP_L_MOVE, "store: move an event to another calendar", 3)  \
	X(OP_L_ADD_HELD, "store: add an event, --no-sync", 1)        \
	X(OP_L_EDIT_HELD, "store: edit an event, --no-sync", 2)      \
	X(OP_L_DELETE_HELD, "store: delete an event, --no-sync", 1)  \
	X(OP_SYNC, "sync", 18)                                       \
	X(OP_SYNC_FULL, "sync --full", 3)                            \
	X(OP_SYNC_WINDOW, "sync --start --end", 2)                   \
	X(OP_SYNC_DRY, "sync --dry-run", 1)                          \
	X(OP_PUSH, "push what waits", 6)                             \
	X(OP_WAIT, "time passes", 4)                                 \
	X(OP_EXPIRE_ACCESS, "google: access tokens expire", 1)       \
	X(OP_EXPIRE_SYNC, "google: sync tokens expire", 1)           \
	X(OP_EXPIRE_PAGES, "google: page tokens expire", 1)

enum op_kind {
#define X(id, words, weight) id,
	SIM_OPS(X)
#undef X
		OP_KINDS
};
const char *op_words(enum op_kind kind); /* without "store: " */
bool op_is_at_google(enum op_kind kind); /* no store takes part */
bool op_is_sync(enum op_kind kind);      /* sends requests of a store's */

struct op {
	uint16_t no;  /* unique in the history, also when other steps are gone; from 1 */
	uint8_t kind; /* enum op_kind */
	uint8_t store;
	uint32_t seed;
};

struct sim_fault {
	uint16_t at; /* the step's at-th request, from 1 */
	uint32_t seed;
};

struct sim_while {
	uint16_t at; /* during the step's at-th request */
	bool after;  /* between its effect and its answer, else before the effect */
	struct op op;
};

struct step {
	struct op op;
	uint16_t crash; /* the process dies at this effect, from 1; 0 = never */
	uint8_t fault_count, while_count;
	struct sim_fault faults[SIM_FAULTS];
	struct sim_while whiles[SIM_WHILES];
};

struct sim_history {
	uint64_t seed;
	uint8_t stores, calendars;
	int64_t skew_ms[SIM_STORES]; /* of each store's clock */
	int max_page;                /* of Google's answers */
	bool empty_pages;
	int max_batch; /* parts that Google takes */
	int fault_percent;
	size_t step_count;
	struct step steps[SIM_STEPS];
};

void history_make(uint64_t seed, struct sim_history *out);
/* For people, without what happened in it. */
void history_print(const struct sim_history *h, FILE *out);

#endif
