/*
 * The world of one scenario: a Google with its HTTP port, a home folder, and calsync processes that
 * may be killed at any of their effects.
 *
 * Order   world_open(); the statements before the first kill; world_keep(). From then on each run is
 *         a fork of this process: world_enter() puts home back to what was kept and opens the port,
 *         and what the fork does to Google ends with it. One fork at a time: the port is the same,
 *         as the accounts in the store are bound to it.
 */
#ifndef CRASH_WORLD_H
#define CRASH_WORLD_H

#include "google.h"
#include "page.h"
#include "scenario.h"

struct server;

struct world {
	char *dir;      /* everything lies in it */
	char *home;     /* of calsync */
	char *kept;     /* home as it was before the first kill */
	char *probe;    /* a copy of the store, to look into */
	char **env;     /* of calsync */
	char *program;  /* calsync */
	char *base_url; /* of Google */
	struct google google;
	struct server *server;              /* while this process answers */
	struct json_object *refresh_tokens; /* account -> token, for <EMAIL */
	struct crash_page *page;
	int page_fd, listen_fd;
	pid_t starter; /* a calsync that forks for each command: start.c */
	int starter_fd;
};

/* build: the folder with calsync and crash/kill.so. */
int world_open(struct world *w, const char *build, struct err *err);
void world_close(struct world *w);
int world_keep(struct world *w, struct err *err);
int world_enter(struct world *w, struct err *err);

struct kill_point {
	uint32_t at; /* 0 = nowhere */
	enum crash_when when;
};

/* How a command ended; its effects are in w->page until the next one. */
struct ending {
	bool killed;     /* by kill.so; else it ended by itself */
	int exit_status; /* unless killed; 128 + n: by another signal */
	struct strbuf out, errors;
};
void ending_release(struct ending *e);

/* Run calsync with these words ("<EMAIL" among them is its stdin, "@Title" an id), and answer it,
 * until it ends and Google has taken all that it sent. ERR_FAILED: it hangs, or cannot be run. */
int world_command(struct world *w, const char *words, struct kill_point at, struct ending *out,
		  struct err *err);
/* It ended with one of these exit statuses. */
int ending_check(const struct ending *e, const char *words, uint32_t exits, struct err *err);
/* One that nothing disturbs. out_json: its stdout; NULL = not wanted. */
int world_run(struct world *w, const char *words, uint32_t exits, struct json_object **out_json,
	      struct err *err);
/* A statement of any kind but VERB_KILL. */
int world_statement(struct world *w, const struct statement *st, struct err *err);

/* What "<account" stands for from now on: a new login. */
int world_refresh_token(struct world *w, const char *account, struct err *err);
/* The store's file; below home. Caller's. */
char *world_store(const struct world *w);

DEFINE_AUTO_VALUE(struct ending, ending_release)

#endif
