/* What the files of a push share: one job an event that waits. push.c goes round by round,
 * prepare.c makes the requests, settle.c writes down what became of them, refusal.c what Google did
 * not carry out, renew.c what becomes another event there; revive.c, move.c, instance.c: what these
 * kinds of jobs need. Not for other files. */
#ifndef SYNC_PUSH_H
#define SYNC_PUSH_H

#include "sync/engine.h"

enum job_state { JOB_DUE, JOB_DONE, JOB_WAITS };
enum job_kind { JOB_INSERT, JOB_REVIVE, JOB_PATCH, JOB_DELETE, JOB_MOVE, JOB_LOOK };

struct job {
	int64_t rowid;
	enum job_state state;
	enum job_kind kind;
	bool alone;        /* not in a batch */
	bool went_out;     /* in this round */
	bool tried_before; /* an earlier attempt may have reached Google */
	bool sent_before;  /* with this very version */
	bool unsure;       /* this attempt took several tries, and one got no answer */
	bool looked;       /* a revival: what Google has was read in the round before */
	bool renamed;      /* it goes on under another id: who has that one is what it was */
	bool missed;       /* Google did not find it in this run, and showed it all the same */
	bool for_series;   /* an occurrence whose series Google does not have yet */
	enum outbox_state series_state; /* its series' entry */
	/* op.sent ends with the version of this attempt, and no earlier one had it */
	bool sent_now;
	struct event row; /* as sent */
	struct outbox op;
	struct strbuf path;
	struct json_object *body;
	char *if_match;
	char *from;                    /* move: Google's id of the calendar that it is in */
	int64_t found_in;              /* the calendar that it turned out to be in */
	int64_t died_in;               /* another one in which it was deleted at last; 0 = none */
	struct json_object *tombstone; /* there */
	bool unchanged; /* look: nobody has changed the occurrence that is to be deleted */
};

struct push {
	struct engine *e;
	const struct calendar *c;
	struct calendar_result *r;
	struct job *jobs;
	size_t count;
	bool stop;                 /* nothing more can be sent in this run */
	struct json_object *reset; /* series whose times have changed, a set of ids; NULL = none */
	bool other_series;         /* one of them is not what it was: a pull does not tell */
	struct err why;            /* the first reason why something still waits */
};

/* --- prepare.c ------------------------------------------------------------------------------ */

void job_reset(struct job *j);
/* The request for one job from the row as it is now. out_send false: nothing is left to send.
 * Inside the caller's transaction. */
int job_prepare(struct push *p, struct job *j, bool *out_send, struct err *err);
/* Back to what Google had: there is nothing to send but what was tried before may have arrived. */
bool job_is_empty_patch(const struct job *j);
/* A delete without an etag, a revival of what was not looked at: what Google has is read first. */
bool job_is_unguarded(const struct job *j);
bool job_has_to_look(const struct job *j);

/* --- settle.c ------------------------------------------------------------------------------- */

const char *job_method(enum job_kind kind);
/*
 * Write down what became of one request: why ERR_NONE and Google's answer, or why not. in_batch:
 * a part may be tried again alone. The job is done, waits, or is due for another round.
 */
int push_settle(struct push *p, struct job *j, struct json_object *answer, const struct err *why,
		bool in_batch, struct err *err);
/* Nothing differs from what Google had, but what was tried before (another version, a delete) may
 * have arrived: see what Google has now. */
int push_look(struct push *p, struct job *j, struct err *err);
/* Both sides say the same already. */
int push_in_step(struct push *p, struct job *j, struct err *err);
int push_in_transaction(struct push *p, struct job *j, struct json_object *answer,
			int (*write)(struct push *, struct job *, struct json_object *,
				     struct err *),
			struct err *err);
/* Plan anew for what Google has now; NULL: it is gone. */
int push_take_remote(struct push *p, struct job *j, struct json_object *remote, struct err *err);
/* It was deleted, by us or by somebody: the row goes. */
int push_deleted(struct push *p, struct job *j, struct err *err);

/* --- refusal.c ------------------------------------------------------------------------------ */

/* Trouble that has nothing to do with the one event: the run ends, what is left waits. */
bool push_is_general(const struct err *e);
/* Of push_settle(): it was not carried out, for this reason. */
int push_settle_bad(struct push *p, struct job *j, const struct err *why, bool in_batch,
		    struct err *err);
/* It was not sent, or no answer came: the reason is kept with it. */
int push_waits(struct push *p, struct job *j, const struct err *why, struct err *err);
/* Google said no to this event: it is not sent again until it is edited. */
int push_refused(struct push *p, struct job *j, const struct err *why, struct err *err);
/* Google does not find what it shows us, alive: that passes. Once more in this run, then later. */
int push_missed(struct push *p, struct job *j, const struct err *why, struct err *err);
/* It had arrived, and somebody who knew it deleted it there. */
int push_arrived_and_gone(struct push *p, struct job *j, struct err *err);
/* Google said that it did not carry the attempt out: its version is not there. */
int push_forget_sent(struct push *p, struct job *j, struct err *err);

/* --- renew.c -------------------------------------------------------------------------------- */

/* Its id is somebody else's, or of no use any more: it goes out under another one. */
int push_new_id(struct push *p, struct job *j, struct err *err);
/*
 * The row becomes another event at Google (a new id, another calendar): its conference stays with
 * the old one. Of a series, whose id was `old`: its changed occurrences are to be made there again.
 * Inside the caller's transaction.
 */
void push_event_renewed(struct event *row);
int push_series_renewed(struct push *p, const struct event *series, const char *old,
			struct err *err);

/* --- revive.c ------------------------------------------------------------------------------- */

/* Before an event is revived: what Google has settles it, or says what goes out in the next
 * round. */
int revive_look(struct push *p, struct job *j, struct err *err);
/* Before a delete goes out that has no etag to guard it: the same. */
int delete_look(struct push *p, struct job *j, struct err *err);
/* A delete found the event gone, or this tombstone: by us before, or by somebody, it is what was
 * wanted. But where its series is no longer, an occurrence looks as if somebody had deleted it: it
 * is deleted where the series went. */
int delete_is_done(struct push *p, struct job *j, struct json_object *tombstone, struct err *err);
/* The row takes along what was changed at Google, since base, before the event was deleted there.
 * Inside the caller's transaction. */
int push_take_last_version(struct push *p, struct event *now, const struct json_object *base,
			   struct json_object *tombstone, struct err *err);
/* It was not deleted, but moved to the calendar j->found_in, where Google has it as `there`: the
 * edit goes after it. */
int push_follow(struct push *p, struct job *j, struct json_object *there, struct err *err);
/*
 * A row goes to where another one is, in this calendar, with this id, if there is one: that of the
 * same event, pulled from where it is now. It makes room, or when it was edited itself takes the
 * edit of ours: then our row is gone. Inside the caller's transaction.
 */
enum room { ROOM_FREE, ROOM_MADE, ROOM_MERGED };
int push_make_room(struct push *p, const struct event *now, int64_t calendar, const char *id,
		   enum room *out, struct err *err);

/* --- move.c ---------------------------------------------------------------------------------- */

/* Fill kind, path and the like of a job whose event has to be moved first. */
int move_prepare(struct push *p, struct job *j, struct err *err);
/* Google has moved it: what it says now is merged, what is left of an edit is due. */
int move_done(struct push *p, struct job *j, struct json_object *answer, struct err *err);
/* It is not where it was thought to be (404, 410), or the id is taken in its new calendar (409). */
int move_missed(struct push *p, struct job *j, const struct err *why, struct err *err);
/* A delete of what waits to be moved found nothing there (an earlier try may have moved it), or an
 * event that was changed (412). */
int move_delete_missed(struct push *p, struct job *j, const struct err *why, struct err *err);
/* Whether the event is in another calendar of the account: j->found_in, 0 = in none; *out the event
 * there, caller's. */
int move_look_elsewhere(struct push *p, struct job *j, struct json_object **out, struct err *err);

/* --- instance.c ------------------------------------------------------------------------------ */

/* Whether the job is to ask for its occurrence first. */
bool instance_needs_look(const struct job *j);
/*
 * What Google says of an occurrence has been merged into its row. was_computed: an edit of what was
 * only computed, and may still be, is no event at Google yet, and when nothing is left of it the
 * row goes: an event of its own comes with the next pull. Inside the caller's transaction.
 */
int instance_merged(struct push *p, int64_t rowid, const struct json_object *answer,
		    bool was_computed, struct err *err);
/* What Google says of it. The job is due, or done. */
int instance_looked(struct push *p, struct job *j, struct json_object *answer, struct err *err);
/* What a series says of the occurrence that this exception stands for. *out NULL: it has none. */
int instance_computed(const struct push *p, const struct json_object *series,
		      const struct json_object *exception, struct json_object **out,
		      struct err *err);
/* The row's event is deleted at Google. out_kept: it is an occurrence of a series that goes on, and
 * the row says now that it is cancelled. Inside the caller's transaction. */
int instance_cancelled(struct push *p, struct event *row, bool *out_kept, struct err *err);
/* A patch has gone out: when it changed the times of a series, its exceptions are to be read
 * again. */
void instance_note_change(struct push *p, const struct job *j, const struct json_object *answer);
/* This series may not be the one that its exceptions here belong to: they are to be read again. */
void instance_note_other_series(struct push *p, const char *series);
int instance_read_again(struct push *p, struct err *err);

#endif
