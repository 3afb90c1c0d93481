/*
 * The webhook's own small database: what the receiver (webhookd) has to know of push channels, and
 * the calendars that were notified and wait for a sync. It is a file of its own so that the
 * receiver, which the internet talks to, needs no access to the store: no event, no account, no
 * token is in it, and calendars are numbers.
 *
 *   watch, renew-watches ...   add and remove channels
 *   webhookd                   looks channels up, notes their messages, adds wakes
 *   sync                       turns wakes into the store's sync requests, then removes them
 *
 * Owner    one store, the first that uses it: to another one its calendars' numbers would be other
 *          calendars, and its channels nobody's. The receiver needs none.
 * Wakes    one row a calendar, however many messages. Who has listed it and names its ticket removes
 *          it; what comes in between changes the ticket, the row stays, and makes another sync.
 * Sharing  in a folder with the setgid bit that its group may write to, the file is the group's
 *          (0660), so that receiver and syncer may be two users; else it is its owner's (0600).
 * Errors   as the store's: ERR_STORE with the file's name.
 */
#ifndef STORE_HOOK_H
#define STORE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

#define HOOK_HASH_LEN 32 /* SHA-256 */

struct hook;
struct store;
struct store_look;
struct strbuf;

/* ERR_NOT_FOUND when it is missing and not to be made. */
int hook_open(const char *path, bool create, struct hook **out, struct err *err);
void hook_close(struct hook *h); /* NULL allowed */
const char *hook_path(const struct hook *h);
/* How long a statement waits for another process's write; 10 s from the start. */
void hook_set_busy_timeout(struct hook *h, int ms);

/* As a store's own: from now on, when it was nobody's, or lies beside the store (PATH-webhook).
 * ERR_INVALID, with what mends it: it is another one's. */
int hook_open_of(struct store *s, const char *path, bool create, struct hook **out,
		 struct err *err);
/* The same of an open one, and nothing is written. */
int hook_check_owner(struct hook *h, struct store *s, struct err *err);

/* As store_look() and store_check_pages() (store/health.h): for `doctor`, which changes nothing. */
int hook_look(const char *path, struct store_look *look, struct hook **out, struct err *err);
int hook_check_pages(struct hook *h, bool quick, struct strbuf *out_trouble, struct err *err);

/* What belongs together, committed (on disk) at once. Nothing nests. */
int hook_begin(struct hook *h, struct err *err);
/* One view. The first write takes the lock, and fails when that is taken, or when somebody else has
 * written since the first look. */
int hook_begin_read(struct hook *h, struct err *err);
int hook_commit(struct hook *h, struct err *err); /* on failure rolled back */
void hook_rollback(struct hook *h);

/* Commit something that is no change: 0 when it got to the disk. */
int hook_try_to_write(struct hook *h, struct err *err);

/* --- channels ---------------------------------------------------------------------------- */

struct hook_channel {
	char *id;            /* Google's channel id, ours by origin */
	int64_t calendar_id; /* the store's number of the calendar; never reused */
	unsigned char token_hash[HOOK_HASH_LEN]; /* of the whole X-Goog-Channel-Token */
	/* NULL = not known yet: the first message with the right token tells it, too. */
	char *resource_id;
	int64_t created_ms;
	int64_t verified_ms;     /* the first message, usually 'sync'; 0 = none came yet */
	int64_t last_message_ms; /* the last 'exists' or 'not_exists'; 0 = none came yet */
	int64_t last_number;     /* highest X-Goog-Message-Number; 0 = none came yet */
	int64_t messages;        /* that counted: no repeats, no 'sync' */
};
void hook_channel_release(struct hook_channel *c);

struct hook_channel_list {
	struct hook_channel *items;
	size_t count;
};
void hook_channel_list_release(struct hook_channel_list *l);

/* Reads id, calendar_id, token_hash, resource_id, created_ms. */
int hook_channel_add(struct hook *h, const struct hook_channel *c, struct err *err);
/* A channel that is not there any more is no error, in all three. */
int hook_channel_set_resource(struct hook *h, const char *id, const char *resource_id,
			      struct err *err);
int hook_channel_remove(struct hook *h, const char *id, struct err *err);
/*
 * A message of this channel, or several of which it is the last: how far its numbers have come, and
 * its resource id when it was not known. counted: how many of them are "exists" or "not_exists".
 * *out_news: a higher number than any before; else it repeats an older one, and nothing is written.
 */
int hook_channel_note(struct hook *h, const char *id, int64_t number, const char *resource_id,
		      int64_t counted, int64_t now_ms, bool *out_news, struct err *err);
int hook_channel_get(struct hook *h, const char *id, struct hook_channel *out, bool *out_found,
		     struct err *err);
int hook_channel_list(struct hook *h, struct hook_channel_list *out, struct err *err);

/* --- wakes ------------------------------------------------------------------------------- */

struct hook_wake {
	int64_t calendar_id;
	int64_t ticket;
	int64_t at_ms; /* of the first message that waits */
};

int hook_wake_add(struct hook *h, int64_t calendar_id, int64_t now_ms, struct err *err);
/* Oldest first; an array of the caller's. From then on they count as seen, on disk: what comes later
 * gets another ticket. */
int hook_wake_list(struct hook *h, struct hook_wake **out, size_t *out_count, struct err *err);
/* The same for who only shows them: nothing is written, and their tickets remove nothing. */
int hook_wake_look(struct hook *h, struct hook_wake **out, size_t *out_count, struct err *err);
int hook_wake_count(struct hook *h, int64_t *out, struct err *err);
/* Whether something came since hook_wake_list(). */
int hook_wake_is_new(struct hook *h, bool *out, struct err *err);
/* Gone, unless somebody has asked since (its ticket is another one). */
int hook_wake_done(struct hook *h, const struct hook_wake *w, struct err *err);

/* --- the next try ------------------------------------------------------------------------ */

/* When the queue holds what failed and is due then, epoch; 0 = nothing. A sync leaves it for the
 * receiver, who cannot look into the store. */
int hook_next_set(struct hook *h, int64_t at_ms, struct err *err);
int hook_next_get(struct hook *h, int64_t *out_ms, struct err *err);

DEFINE_AUTO(struct hook, hook_close)
DEFINE_AUTO_VALUE(struct hook_channel, hook_channel_release)
DEFINE_AUTO_VALUE(struct hook_channel_list, hook_channel_list_release)

#endif
