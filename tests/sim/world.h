/*
 * One history's world: the simulated Google, one to three stores of one account with the real
 * engine, each with a clock of its own, and one true time that moves when somebody sleeps or sends.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdio.h>

#include "../fake_google/fg.h"
#include "base/fault.h"
#include "history.h"
#include "hashset.h"
#include "ledger.h"
#include "net.h"
#include "peek.h"
#include "sync/sync.h"

#define SIM_ACCOUNT "user1@example.com"
#define SIM_GUEST   "guest1@example.com"
#define SIM_HOST    "host@example.com"
#define SIM_ZONE    "Europe/Berlin"
#define SIM_NOW_MS  1767261600000 /* 2026-01-01T10:00:00Z */

struct world;

struct side_clock {
	struct clock clock;
	struct side *side;
};

struct side { /* a store, and the process that works on it */
	struct transport transport;
	struct side_clock clock;
	struct world *world;
	int index;
	char *db;
	struct store *store;
	struct peek *peek;
	struct sync_env env;
	int64_t calendars[SIM_CALENDARS]; /* rows of world.calendars */
	const struct step *step;          /* under way; NULL = nothing goes wrong */
	bool working;                     /* a sync is under way */
	struct hashset seen;              /* texts of rows that the ledger knows */
	int requests;                     /* of the step under way */
	int lists, calendar_lists, writes;
};

/* A process that dies at an effect: from then on none passes. */
struct crash {
	struct fault_hook hook;
	struct side *side; /* NULL = nobody is watched */
	int left;          /* effects until it dies; 0 = it does not */
	bool dead;
	enum point point;   /* where */
	uint64_t digest;    /* of the store, then */
	uint64_t request_n; /* requests that Google had seen, then */
	int64_t now_ms;     /* the time, then: a dead process does not wait */
};

struct world {
	const struct sim_history *h;
	struct lab *lab;
	FILE *trace; /* NULL = nobody reads */
	struct fg *fg;
	uint64_t request_n;                   /* requests that Google has seen */
	int64_t now_ms;                       /* the true time, which is Google's */
	char *hands[3];                       /* tokens of account, guest and host */
	const char *calendars[SIM_CALENDARS]; /* Google's ids */
	struct side sides[SIM_STORES];
	struct crash crash;
	struct ledger *ledger;
	const char *broken; /* the invariant; NULL = none so far */
	struct strbuf why;
};

/* What a worker uses again and again: its folder, a key, an empty store to copy. */
struct lab {
	char dir[256];
	struct secret_box *box;
	struct lab_file { /* a store, open and empty between histories; store NULL: none yet */
		char *db;
		struct store *store;
		struct peek *peek;
	} files[SIM_STORES];
};
void lab_open(struct lab *lab, const char *dir); /* ends the program when it cannot */
void lab_close(struct lab *lab);

void world_make(struct world *w, const struct sim_history *h, struct lab *lab, FILE *trace);
void world_release(struct world *w);

/* The first breach counts. invariant must be static. */
void world_break(struct world *w, const char *invariant, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A line for a person who replays. */
void world_trace(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void side_open(struct side *s);
void side_close(struct side *s);
void side_connect(struct side *s); /* a refresh token, as connecting gives one */

/* --- crash.c ----------------------------------------------------------------------------- */

/* Watch what s does: it dies at the at-th effect (0: it does not, nothing is watched). */
void crash_arm(struct side *s, int at);
/* What follows is done by other processes; returns what to give to crash_resume(). */
struct side *crash_suspend(struct world *w);
void crash_resume(struct world *w, struct side *was);
/* Whether the process is dead here, or dies now. */
bool crash_here(struct world *w, enum point p);
/* The work is over. When the process died on the way, a new one opens the store. Returns whether it
 * died; then *out_point says where. */
bool crash_over(struct side *s, enum point *out_point);

/* --- google.c: hands at Google -------------------------------------------------------------- */

enum hand { HAND_ACCOUNT, HAND_GUEST, HAND_HOST };
/* As a person would act at Google. The answer's JSON, caller's; NULL: refused, or nothing. */
struct json_object *hand_ask(struct world *w, enum hand who, const char *method, const char *path,
			     struct json_object *body);
/* To /sandbox/...: ends the program when it is refused. Caller's. */
struct json_object *sandbox(struct world *w, const char *method, const char *path,
			    const char *body);
/* fg_handle(), at the world's time. */
int google_handle(struct world *w, const struct http_request *req, struct http_response *out);
bool op_at_google(struct world *w, const struct op *op); /* false: there was nothing to do it to */

/* --- user.c: people at a store ------------------------------------------------------------ */

bool op_at_store(struct side *s, const struct op *op, int crash_at);

/* --- watch.c: what a sync may not do ---------------------------------------------------------- */

/* Around a sync: what its rows held before must be there still, or in its log. */
struct watch {
	struct peek_rows before;
};
void watch_begin(struct side *s, struct watch *w);
void watch_end(struct side *s, struct watch *w);
/* Take up what the log has new. */
void watch_log(struct side *s);

/* --- check.c: how things are at the end ------------------------------------------------------- */

/* S: every store equals Google. Break the world when it does not. */
/* An occurrence of a series that is not at Google, as it is held back with --no-sync. Rows
 * parsed. */
bool check_waits_for_series(const struct peek_rows *rows, const struct peek_row *row);
void check_sides(struct world *w);
/* L: the ledger's rules. */
void check_ledger(struct world *w);

/* --- syncs.c --------------------------------------------------------------------------------- */

bool op_sync(struct side *s, const struct op *op, const struct step *step);
bool op_any(struct world *w, const struct op *op, const struct step *step);
/* After the last step: faults are over. Brings all to rest, and judges. */
void world_end(struct world *w);

#endif
