/*
 * What commands find in common: which account, which calendar, which event, and the means to
 * reach Google, made on first use.
 *
 * Choice of the account: --account, $CALSYNC_ACCOUNT, config "account.default", else the only one.
 */
#ifndef CMD_CONTEXT_H
#define CMD_CONTEXT_H

#include "cmd/cmd.h"
#include "store/store.h"
#include "sync/sync.h"

/* Whether an account may be called so: its name stands in commands that messages tell people to
 * type. ERR_USAGE. */
int cmd_check_account_name(const char *name, struct err *err);
/* The account that $CALSYNC_ACCOUNT or the configuration names; NULL = neither does. Borrowed. */
const char *cmd_account_standing(const struct cmd_context *cx);
/* The account that the user named, NULL when none was. Borrowed. */
const char *cmd_account_wish(const struct cmd_context *cx);

/*
 * The one account to work on. Without a wish the only one that is not disconnected (or the only
 * one). Errors: ERR_NOT_FOUND (lists the names there are), ERR_USAGE (several and no choice: lists
 * them), ERR_NOT_CONNECTED (no account at all).
 */
int cmd_account(struct cmd_context *cx, struct account *out, struct err *err);
/* The same for a given name; where there is no store there is none either. */
int cmd_account_named(struct cmd_context *cx, const char *name, struct account *out,
		      struct err *err);
/* ERR_NOT_FOUND: there is no account of that name, as there is none at all. Returns -1. */
int cmd_no_account_yet(const char *name, struct err *err);
/* Warn of an account whose login Google takes no more, with the command that mends it; of others not. */
void cmd_warn_dead(const struct account *a);
/* For commands that only read: the account wished for, else all of them. */
int cmd_accounts(struct cmd_context *cx, struct account_list *out, struct err *err);

/*
 * A calendar by id, "primary", or title (when no other has it). account_id 0: of any account that
 * cmd_accounts() gives. Errors: ERR_NOT_FOUND and ERR_AMBIGUOUS, both naming the candidates.
 */
int cmd_calendar(struct cmd_context *cx, int64_t account_id, const char *name, struct calendar *out,
		 struct err *err);

/*
 * An event by its id or a prefix of it of four or more characters, unique among the accounts that
 * cmd_accounts() gives. An exact id wins over longer ids that begin with it, a series over its own
 * exceptions. Hidden rows (their
 * delete waits) are not found. Errors: ERR_USAGE (too short), ERR_NOT_FOUND, ERR_AMBIGUOUS (names
 * the candidates).
 */
int cmd_event(struct cmd_context *cx, const char *id, struct event *out, struct err *err);
/*
 * The id of an event that is or was here: by id or prefix as above, also of one that was deleted,
 * hidden or cancelled. A prefix that a series shares with its occurrences alone names the series.
 * The same id in several calendars of an account is one name. Errors as of cmd_event().
 */
int cmd_event_name(struct cmd_context *cx, const char *id, struct event_name *out, struct err *err);
/* The account that an event (or a calendar) belongs to. */
int cmd_account_of(struct cmd_context *cx, int64_t calendar_id, struct account *out,
		   struct err *err);

/* The transport, made on first use, borrowed until the context ends. Errors: ERR_FAILED. */
int cmd_transport(struct cmd_context *cx, struct transport **out, struct err *err);

/* --- key_place.c ------------------------------------------------------------------------- */

/* The key that the store's secrets are sealed with, opened on first use, borrowed until the context
 * ends. Errors: ERR_SECRET, and as of cmd_key_place(). */
int cmd_secret_box(struct cmd_context *cx, struct secret_box **out, struct err *err);
/* Whether cx->store has a key already, so that connect can look at it before it asks anybody. */
int cmd_has_key(struct cmd_context *cx, bool *out, struct err *err);
/* Whether the key opens this one of the account's secrets. */
bool cmd_secret_opens(const struct secret_box *box, const struct account *a,
		      const struct sealed_secret *s);
/* The key once more through its provider, as the next start will find it. Caller's. */
int cmd_secret_box_again(struct cmd_context *cx, struct secret_box **out, struct err *err);

/* Where the key of a store lies, or is to lie. */
struct key_place {
	const struct key_provider *provider;
	char *where;  /* owned; see secret/secret.h */
	char *key_id; /* owned; of the Secret Service, and of a file of its own; NULL = not needed */
	bool own;     /* no other store's key lies there, but a copy's of this one */
	char *check;  /* owned; what the key is known by; NULL: stores from before have none */
};
void key_place_release(struct key_place *k);
DEFINE_AUTO_VALUE(struct key_place, key_place_release)
/* That of cx->store. ERR_NOT_CONNECTED: it has none yet; ERR_SECRET:
 * the configuration says another. */
int cmd_key_place(struct cmd_context *cx, struct key_place *out, struct err *err);
/* The same for those who look at the key or change it, whatever the configuration says: */
int cmd_key_place_kept(struct cmd_context *cx, struct key_place *out, struct err *err);
/* a warning, when it says another. */
void cmd_key_place_tell(const struct cmd_context *cx, const struct key_place *k);
/* The place of this provider, for a key that goes there. */
int cmd_key_place_in(struct cmd_context *cx, const struct key_provider *p, struct key_place *out,
		     struct err *err);
/* Whether it is a key file that may serve another store, too: its key is not to be replaced. */
bool cmd_key_place_is_shared(const struct cmd_context *cx, const struct key_place *k);
/* A key file of this store's own, for a key that is to replace the one in the file that all stores of
 * the configuration share. Asked again it is the same one. */
int cmd_key_place_own(struct cmd_context *cx, struct key_place *out, struct err *err);
/* Write down that the store's key is this one, and where it lies. In the caller's transaction. */
int cmd_key_keep(struct cmd_context *cx, const struct key_place *k, const struct secret_box *box,
		 struct err *err);
/*
 * cmd_secret_box() for connect, in its transaction, with the key as the store has it then; boxes from
 * before may be freed. A store that has no key yet gets one, at the place of choice; replace_lost:
 * also one whose key is gone (*out_replaced), and what that sealed is lost when the transaction is
 * committed. A key that was made stays where it was put, whatever happens: a key too many does no
 * harm, and a store without its key is lost.
 */
int cmd_secret_box_first(struct cmd_context *cx, bool replace_lost, bool *out_replaced,
			 struct secret_box **out, struct err *err);

/* Open cx->store, made when missing: for connect, which has no store before it has a login. */
int cmd_store_create(struct cmd_context *cx, struct err *err);
/* The webhook's database (store/hook.h) that goes with the store. Caller's. */
char *cmd_webhook_db_path(const struct cmd_context *cx);
/* What to do where both sides changed the same field, by the configuration. ERR_INVALID. */
int cmd_conflict_policy(const struct cmd_context *cx, enum conflict_policy *out, struct err *err);
/* Store, box, transport and clock together, and the policy for conflicts. */
int cmd_sync_env(struct cmd_context *cx, struct sync_env *out, struct err *err);

#endif
