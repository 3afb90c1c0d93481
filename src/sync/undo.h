/*
 * Taking back a local command: of each event only what that command changed.
 *
 *   the command   now                what is done
 *   added it      it is there        it is deleted
 *   changed it    it is there        three-way merge: base is what the command made of it, local what
 *                                    was there before, remote what is there now. What Google or
 *                                    others changed since stays, also where it is the same field
 *   deleted it    it is not there    the version before is restored (restore.h)
 *                 it is there again  nothing
 *   moved it      it is there        it is moved back, with its occurrences
 *
 * Series come before their occurrences. What cannot be taken back says why; the others go on.
 */
#ifndef SYNC_UNDO_H
#define SYNC_UNDO_H

#include "sync/local.h"

enum undo_kind {
	UNDO_ADD,    /* delete it */
	UNDO_CHANGE, /* change it back */
	UNDO_DELETE, /* restore it */
	UNDO_MOVE,   /* move it back */
};

struct undo_item {
	enum undo_kind kind;
	struct event event;         /* as it is now; of a deleted or missing one as it was */
	struct json_object *before; /* resource before the undo; NULL = it was not there */
	bool changed;               /* there was something to do */
	bool gone;                  /* the row is no longer in the store */
	struct json_object *kept;   /* names of fields that others changed since; NULL = none */
	struct err err;             /* why it could not be taken back; code ERR_NONE: it was */
};

struct undo_result {
	struct undo_item *items;
	size_t count;
};
void undo_result_release(struct undo_result *r);

/* In the caller's transaction. The command counts as taken back then, whatever could not be.
 * Returns -1 only when the store fails. */
int undo_command(struct store *s, struct clock *clock, int64_t command_id,
		 const struct local_options *o, struct undo_result *out, struct err *err);

DEFINE_AUTO_VALUE(struct undo_result, undo_result_release)

#endif
