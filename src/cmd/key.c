/*
 * `key`: where the key that seals the logins lies, another key, another place.
 *
 * A change of the key, each step of which may be the last one:
 *
 *   OLD at its place
 *     | the new one is kept beside it (KEY_NEXT), and read back
 *   OLD, NEXT
 *     | one transaction: every secret is sealed with the new one, and the store knows the new one
 *   OLD, NEXT, the store is NEXT's          (secret_box_open_checked() finds it there)
 *     | the new one takes the old one's place
 *   NEW, NEXT
 *     | NEXT goes
 *   NEW
 *
 * A key file that serves other stores, too, is left as it is by `key rotate`, which puts the new key
 * into a file of the store's own; that is there before the transaction and the store's with it. What is
 * killed before finds that file again, and writes it anew.
 *
 * Nobody else writes secrets meanwhile: every account's lock is held, and the one on the renewal of
 * its token, which others than a sync may be at. Whoever has read the old key before notices in the
 * transaction that would write with it (google/token.c, T5).
 */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "google/google.h"
#include "secret/secret.h"
#include "store/account_seal.h"
#include "sync/lock.h"
#include "base/banned.h"

#define LOCK_WAIT_MS       10000
#define DESCRIPTORS_BESIDE 64 /* database, keyring */

struct change {
	struct cmd_context *cx;
	struct account_lock **locks;
	size_t lock_count;
	int renewals;           /* a lock of all of them; -1 = none */
	struct key_place place; /* as it is before */
	struct secret_box *box; /* the key that the store is sealed with */
	bool next;              /* it was found at KEY_NEXT: a change was interrupted */
	int64_t sealed;         /* secrets */
};

static void change_release(struct change *c)
{
	close_fd_ptr(&c->renewals);
	for (size_t i = 0; i < c->lock_count; i++)
		account_lock_free(c->locks[i]);
	free(c->locks);
	key_place_release(&c->place);
	secret_box_free(c->box);
}
DEFINE_AUTO_VALUE(struct change, change_release)

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct account *)a)->id, y = ((const struct account *)b)->id;

	return (x > y) - (x < y);
}

/* In the same order by everybody, whatever the names are: first all accounts, then, as each of their
 * holders may be in a renewal, these. A lock is a descriptor. */
static int take_locks(struct change *c, struct err *err)
{
	struct cmd_context *cx = c->cx;
	AUTO(account_list_release) struct account_list accounts = {0};
	size_t limit;

	if (store_account_list(cx->store, &accounts, err))
		return -1;
	if (!io_allow_open(accounts.count + DESCRIPTORS_BESIDE, &limit))
		return err_set(err, ERR_FAILED,
			       "%zu accounts are to be locked, but this process may have only %zu "
			       "files open; raise that limit (ulimit -Hn, LimitNOFILE=)",
			       accounts.count, limit);
	if (accounts.count)
		qsort(accounts.items, accounts.count, sizeof(*accounts.items), by_id);
	c->locks = xcalloc(accounts.count + 1, sizeof(*c->locks));
	for (size_t i = 0; i < accounts.count; i++, c->lock_count++)
		if (account_lock_take(store_path(cx->store), accounts.items[i].id, cx->clock,
				      LOCK_WAIT_MS, &c->locks[i], err))
			return -1;
	return google_token_lock(cx->store, NULL, cx->clock, GOOGLE_TOKEN_WAIT_MS, &c->renewals,
				 err);
}

static int begin(struct change *c, struct err *err)
{
	if (take_locks(c, err) || cmd_key_place_kept(c->cx, &c->place, err))
		return -1;
	return secret_box_open_checked(c->place.provider, c->place.where, c->place.check, &c->box,
				       &c->next, err);
}

/* --- sealing with another key -------------------------------------------------------------- */

/* A value that the key does not open is not ours to throw away:
 * the change stops before it begins. */
static int reseal_one(struct change *c, const struct account *a, const struct sealed_secret *s,
		      const struct secret_box *with, struct err *err)
{
	AUTO(strbuf_release) struct strbuf again = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;

	if (account_unseal(c->box, a, s->field, &s->sealed, &plain, err))
		return err_wrap(err, "account '%s'", a->name);
	c->sealed++;
	if (!with)
		return 0;
	if (account_seal(with, a, s->field, plain.buf, plain.len, &again, err))
		return -1;
	return store_secret_put(c->cx->store, a->id, s->field, again.buf, again.len, err);
}

static int reseal_account(struct change *c, const struct account *a, const struct secret_box *with,
			  struct err *err)
{
	AUTO(sealed_secret_list_release) struct sealed_secret_list secrets = {0};

	if (store_secret_list(c->cx->store, a->id, &secrets, err))
		return -1;
	for (size_t i = 0; i < secrets.count; i++)
		if (reseal_one(c, a, &secrets.items[i], with, err))
			return -1;
	return 0;
}

/* with NULL: only whether all of them open. The accounts as they are now: a first login holds no
 * lock that we could wait for. */
static int reseal(struct change *c, const struct secret_box *with, struct err *err)
{
	AUTO(account_list_release) struct account_list accounts = {0};

	c->sealed = 0;
	if (store_account_list(c->cx->store, &accounts, err))
		return -1;
	for (size_t i = 0; i < accounts.count; i++)
		if (reseal_account(c, &accounts.items[i], with, err))
			return -1;
	return 0;
}

static int commit_key(struct change *c, const struct key_place *place, const struct secret_box *box,
		      struct err *err)
{
	int rc;

	if (store_begin(c->cx->store, err))
		return -1;
	rc = reseal(c, box, err) || cmd_key_keep(c->cx, place, box, err) ||
	     store_commit(c->cx->store, err);
	if (store_in_transaction(c->cx->store))
		store_rollback(c->cx->store);
	return rc ? -1 : 0;
}

/* --- key rotate ---------------------------------------------------------------------------- */

static int remove_next(const struct change *c, struct err *err)
{
	AUTO(free) char *next = xasprintf("%s" KEY_NEXT, c->place.where);

	return c->place.provider->remove(next, err);
}

static int finish(struct change *c, const struct secret_box *box, struct err *err)
{
	return secret_box_save(box, c->place.provider, c->place.where, true, err) ||
			       remove_next(c, err)
		       ? -1
		       : 0;
}

static void report(struct cmd_context *cx, const struct key_place *k, const struct change *c,
		   const char *message, const char *left)
{
	struct json_object *answer;

	cmd_key_place_tell(cx, k);
	if (!cx->global.json) {
		out_note(cx, "%s (%lld secret%s, %s: %s)\n", message, (long long)c->sealed,
			 c->sealed == 1 ? "" : "s", k->provider->name, k->where);
		if (left)
			out_note(cx,
				 "the old key file is left, since other stores may use it: when "
				 "none "
				 "does, remove it: shred -u '%s'\n",
				 left);
		return;
	}
	answer = json_object_new_object();
	json_set_bool(answer, "success", true);
	json_set_str(answer, "message", message);
	json_set_str(answer, "provider", k->provider->name);
	json_set_str(answer, "location", k->where);
	json_set_int(answer, "secrets", c->sealed);
	json_set(answer, "left", left ? json_object_new_string(left) : NULL);
	out_json(cx, answer);
}

static const char all_sealed[] = "All logins are sealed with a new key";

static int rotate_in_place(struct change *c, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *fresh = secret_box_random();
	AUTO(free) char *next = xasprintf("%s" KEY_NEXT, c->place.where);

	if (secret_box_save(fresh, c->place.provider, next, true, err) ||
	    commit_key(c, &c->place, fresh, err) || finish(c, fresh, err))
		return -1;
	report(c->cx, &c->place, c, all_sealed, NULL);
	return 0;
}

static int rotate_apart(struct change *c, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *fresh = secret_box_random();
	AUTO(key_place_release) struct key_place own = {0};

	if (cmd_key_place_own(c->cx, &own, err) ||
	    secret_box_save(fresh, own.provider, own.where, true, err) ||
	    commit_key(c, &own, fresh, err) || (c->next && remove_next(c, err)))
		return -1;
	report(c->cx, &own, c, all_sealed, c->place.where);
	return 0;
}

static int run_rotate(struct cmd_context *cx, struct err *err)
{
	AUTO(change_release) struct change c = {.cx = cx, .renewals = -1};
	bool shared;

	if (begin(&c, err))
		return -1;
	if (!strcmp(c.place.provider->name, "credential"))
		return err_set(
			err, ERR_SECRET,
			"a systemd credential is written by its administrator: bring the key "
			"elsewhere first (calsync key move file), or give the service another "
			"credential and run 'calsync key move credential' in it; see "
			"calsync-key(1)");
	shared = cmd_key_place_is_shared(cx, &c.place);
	if (c.next && !shared) {
		if (reseal(&c, NULL, err) || finish(&c, c.box, err))
			return -1;
		report(cx, &c.place, &c, "The change of the key that was interrupted is finished",
		       NULL);
		return 0;
	}
	if (reseal(&c, NULL, err))
		return -1;
	return shared ? rotate_apart(&c, err) : rotate_in_place(&c, err);
}

/* --- key move ------------------------------------------------------------------------------ */

/* One that is there already is the key from now on (*out); else ours is put there,
 * and *out NULL. */
static int key_there(const struct change *c, const struct key_place *to, struct secret_box **out,
		     struct err *err)
{
	*out = NULL;
	if (!secret_box_open(to->provider, to->where, false, out, err))
		return 0;
	if (err->code != ERR_NOT_FOUND) /* what does not answer is not asked again */
		return -1;
	return secret_box_save(c->box, to->provider, to->where, false, err);
}

static bool is_shared_file(const struct key_place *k)
{
	return !k->own && !strcmp(k->provider->name, "file");
}

/* With what an interrupted change may have left beside it. */
static int remove_key(const struct key_place *k, struct err *err)
{
	AUTO(free) char *next = xasprintf("%s" KEY_NEXT, k->where);

	return k->provider->remove(k->where, err) || k->provider->remove(next, err) ? -1 : 0;
}

/* Another store's key file is not ours to remove, nor is a credential; but what a rotation put beside
 * that file, and was interrupted before it was used, is. */
static int remove_old(const struct change *c, struct err *err)
{
	AUTO(key_place_release) struct key_place own = {0};

	if (c->place.own)
		return remove_key(&c->place, err);
	if (!is_shared_file(&c->place))
		return 0;
	return cmd_key_place_own(c->cx, &own, err) || remove_key(&own, err) ? -1 : 0;
}

/* The key was moved here by somebody who was interrupted then: what is ours elsewhere is not needed,
 * and could not be used. When it cannot be removed, nothing is worse than before. */
static void remove_elsewhere(const struct change *c)
{
	const struct key_provider *p;

	for (size_t i = 0; (p = key_provider_at(i)); i++) {
		AUTO(key_place_release) struct key_place k = {0};
		struct err err;

		if (p != c->place.provider && !cmd_key_place_in(c->cx, p, &k, &err) && k.own &&
		    remove_key(&k, &err))
			log_debug("key", "not in %s: %s", p->name, err.msg);
	}
}

static int run_move(struct cmd_context *cx, struct err *err)
{
	AUTO(change_release) struct change c = {.cx = cx, .renewals = -1};
	AUTO(key_place_release) struct key_place to = {0};
	AUTO(secret_box_free) struct secret_box *there = NULL;
	const struct key_provider *p = key_provider_find(cx->argv[0]);

	if (!p)
		return err_set(err, ERR_USAGE,
			       "unknown provider '%s': it is secret-service, credential or file",
			       cx->argv[0]);
	if (begin(&c, err))
		return -1;
	if (p == c.place.provider) {
		remove_elsewhere(&c);
		cmd_key_place_tell(cx, &c.place);
		return err_set(err, ERR_USAGE, "the key lies in %s already", p->name);
	}
	if (cmd_key_place_in(cx, p, &to, err) || reseal(&c, NULL, err) ||
	    key_there(&c, &to, &there, err) || commit_key(&c, &to, there ? there : c.box, err))
		return -1;
	if (remove_old(&c, err))
		return err_wrap(err, "the key is moved, but the old one is still there");
	report(cx, &to, &c, "The key is moved", is_shared_file(&c.place) ? c.place.where : NULL);
	return 0;
}

/* --- key status ---------------------------------------------------------------------------- */

/* *count of them in the whole store; those that box (NULL = there is none) does not open,
 * in damaged. */
static int look_at_secrets(struct cmd_context *cx, const struct secret_box *box, int64_t *count,
			   struct json_object *damaged, struct err *err)
{
	AUTO(account_list_release) struct account_list accounts = {0};

	if (store_account_list(cx->store, &accounts, err))
		return -1;
	for (size_t i = 0; i < accounts.count; i++) {
		AUTO(sealed_secret_list_release) struct sealed_secret_list secrets = {0};
		const struct account *a = &accounts.items[i];

		if (store_secret_list(cx->store, a->id, &secrets, err))
			return -1;
		*count += (int64_t)secrets.count;
		for (size_t k = 0; box && k < secrets.count; k++) {
			struct json_object *which;

			if (cmd_secret_opens(box, a, &secrets.items[k]))
				continue;
			which = json_object_new_object();
			json_set_str(which, "account", a->name);
			json_set_str(which, "secret", secrets.items[k].field);
			json_object_array_add(damaged, which);
		}
	}
	return 0;
}

static void print_status(const struct cmd_context *cx, const struct json_object *answer)
{
	struct json_object *damaged = json_get(answer, "damaged");

	if (!json_str(answer, "provider")) {
		out_note(cx, "this store has no key yet; the first 'calsync connect' makes one\n");
		return;
	}
	out_printf("provider  %s\n", json_str(answer, "provider"));
	out_printf("location  %s\n", json_str(answer, "location"));
	out_printf("secrets   %lld\n", (long long)json_int(answer, "secrets", 0));
	if (json_flag(answer, "interrupted", false))
		out_printf(
			"a change of the key was interrupted; to finish it: calsync key rotate\n");
	for (size_t i = 0; i < json_object_array_length(damaged); i++) {
		const struct json_object *d = json_object_array_get_idx(damaged, i);
		AUTO(free) char *word = account_word(json_str(d, "account"));

		out_printf("the %s of account '%s' does not open: calsync connect %s\n",
			   json_str(d, "secret"), json_str(d, "account"), word);
	}
}

static int run_status(struct cmd_context *cx, struct err *err)
{
	AUTO(key_place_release) struct key_place k = {0};
	AUTO(secret_box_free) struct secret_box *box = NULL;
	AUTO(json_object_put) struct json_object *answer = json_object_new_object();
	AUTO(json_object_put) struct json_object *failure = NULL;
	AUTO(json_object_put) struct json_object *damaged = json_object_new_array();
	bool kept, next = false;
	struct err why = {0};
	int64_t count = 0;

	if (cmd_has_key(cx, &kept, err) || (kept && cmd_key_place_kept(cx, &k, err)))
		return -1;
	if (kept)
		(void)secret_box_open_checked(k.provider, k.where, k.check, &box, &next, &why);
	if (kept && look_at_secrets(cx, box, &count, damaged, err))
		return -1;
	json_set(answer, "provider", kept ? json_object_new_string(k.provider->name) : NULL);
	json_set(answer, "location", kept ? json_object_new_string(k.where) : NULL);
	json_set_int(answer, "secrets", count);
	json_set_bool(answer, "interrupted", next);
	json_set(answer, "damaged", json_object_get(damaged));
	if (why.code)
		failure = json_failure(&why);
	json_set(answer, "error", why.code ? json_object_get(json_get(failure, "error")) : NULL);
	if (cx->global.json)
		out_json(cx, json_object_get(answer));
	else
		print_status(cx, answer);
	if (kept)
		cmd_key_place_tell(cx, &k);
	if (why.code) {
		*err = why;
		return -1;
	}
	if (json_object_array_length(damaged))
		return err_set(err, ERR_SECRET, "%zu of the store's secrets do not open",
			       json_object_array_length(damaged));
	return 0;
}

/* --- the commands -------------------------------------------------------------------------- */

const struct cmd cmd_key = {
	.name = "key",
	.summary = "the key that seals the logins",
};

const struct cmd cmd_key_status = {
	.parent = "key",
	.name = "status",
	.summary = "where the key lies, and whether it opens what is sealed",
	.needs = NEEDS_STORE_OPTIONAL,
	.run = run_status,
};

const struct cmd cmd_key_rotate = {
	.parent = "key",
	.name = "rotate",
	.summary = "seal all logins with a new key",
	.needs = NEEDS_STORE,
	.run = run_rotate,
};

const struct cmd cmd_key_move = {
	.parent = "key",
	.name = "move",
	.synopsis = "secret-service|credential|file",
	.summary = "bring the key to another place",
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "secret-service|credential|file",
	.run = run_move,
};
