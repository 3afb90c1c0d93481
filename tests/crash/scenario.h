/*
 * Scenarios: text files, so that a new command of calsync gets its kill points with a few lines.
 *
 *   scenario NAME                 until the next one; "# ..." and empty lines are skipped
 *     run ARGS [<EMAIL]           calsync ARGS, undisturbed; <EMAIL: its stdin is a refresh token
 *     connect [NAME [EMAIL]]      run connect work --refresh-token-stdin <user1@example.com
 *     event TITLE START [JSON]    made at Google by a person, lasts an hour; JSON: more members
 *     google METHOD PATH [JSON]   a person's other doings there, below /calendar/v3/
 *     google-as EMAIL METHOD ...
 *     sandbox METHOD PATH [JSON]  the control interface, below /sandbox/
 *     sql SQL                     done to the store itself, as if time had passed
 *     wait MS                     of real time
 *     store FILE                  an SQL file becomes the store
 *     repeat N STATEMENT          %d in it is the number, from 1
 *     kill ARGS [<EMAIL]          the command that is killed everywhere; its token is a new one
 *     done SQL                    whether the change of the kill before is durable; when it is, the
 *                                 command is not given again. Without: a person gives it again.
 *     after SQL                   holds after every kill, before anything is repaired
 *     exit N [N]                  how the run or kill before ends; one of several
 *   and, of the scenario as a whole:
 *     final ARGS | none           brings both sides into step, and then has nothing to do (sync)
 *     final-exit N ...            of both (0)
 *     apart                       the sides need not be equal in the end
 *     loose                       its effects come in no fixed order: a kill point may be missed
 *     spread N                    it is long: only so many kill points, unless all are asked for
 *     doubles all | N             pairs of kills: the command, then what repairs it (DOUBLES)
 *     except TEXT                 lines with this text are not compared; may come again
 *     local SQL                   true of the store in the end; may come again
 *     there [TITLE, ...]          what user1 has at Google in the end
 *     mails N                     that guests got
 *
 * @Title, as a word or after a slash, is that event's id; @Title_... an occurrence's; a word ~/FILE
 * lies in calsync's home. What stands before the first kill is done once, all else in every run.
 */
#ifndef CRASH_SCENARIO_H
#define CRASH_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum verb {
	VERB_RUN,
	VERB_KILL,
	VERB_EVENT,
	VERB_GOOGLE,
	VERB_SANDBOX,
	VERB_STORE,
	VERB_SQL,
	VERB_WAIT
};

/* A set of exit statuses. */
#define EXIT_MAX    31
#define EXIT_BIT(n) ((n) <= EXIT_MAX ? (uint32_t)1 << (n) : 0)

struct statement { /* all owned */
	enum verb verb;
	int line;
	uint32_t exits; /* of calsync: a bit for each good exit status below 32 */
	char *text;     /* what comes after the verb */
	char *account;  /* VERB_EVENT, VERB_GOOGLE: who does it */
	char *done;     /* VERB_KILL; NULL = not known: repeat */
	char *after;    /* VERB_KILL; NULL = nothing to say */
};

#define DOUBLES_ALL (-1)

struct scenario { /* all owned */
	char *name;
	struct statement *list;
	size_t count;
	size_t prepared; /* so many come before the first kill */
	char *final;     /* NULL = none */
	uint32_t final_exits;
	bool apart, loose;
	long doubles;
	long spread;            /* 0 = all */
	char **local, **except; /* NULL at the end, or NULL */
	char *there;            /* NULL = not said */
	long mails;             /* -1 = not said */
};

struct scenarios {
	struct scenario *list;
	size_t count;
};

/* Adds the scenarios of one file. Errors: ERR_INVALID, with file and line. */
int scenarios_load(const char *path, struct scenarios *out, struct err *err);
void scenarios_release(struct scenarios *s);
void scenario_release(struct scenario *s);

/* Split like a shell: blanks, '...' and "..."; a list with NULL at its end, freed with
 * words_free(). */
char **words_split(const char *text);
void words_free(char **words);

#endif
