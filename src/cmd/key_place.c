/*
 * Where the key of a store lies: chosen at the first connect, kept in the store, never changed
 * silently.
 *
 *   meta key_provider   the provider's name
 *        key_id         what the Secret Service knows the key by, and a key file of the store's own
 *        key_file       "own": a key file is PATH.KEY_ID; else it is PATH, which may serve other
 *                       stores (cmd/key_users.h)
 *        key_check      what the key is known by: another one in its place is noticed
 */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/key_users.h"
#include "secret/secret.h"
#include "store/account_seal.h"
#include "base/banned.h"

void key_place_release(struct key_place *k)
{
	free(k->where);
	free(k->key_id);
	free(k->check);
}

static char *credential_path(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir && *dir == '/' ? xasprintf("%s/calsync-key", dir) : xstrdup("calsync-key");
}

/* The store's key_id, a new one when it has none. */
static int find_key_id(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	char id[27];

	if (store_meta_get(cx->store, "key_id", &out->key_id, err))
		return -1;
	if (out->key_id)
		return 0;
	random_event_id(id);
	out->key_id = xstrdup(id);
	return 0;
}

static int file_place(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	AUTO(free) char *shared = config_key_path(cx->config);
	AUTO(free) char *kind = NULL;

	if (store_meta_get(cx->store, "key_file", &kind, err))
		return -1;
	out->own = kind != NULL;
	if (!out->own) {
		out->where = TAKE(shared);
		return 0;
	}
	if (find_key_id(cx, out, err))
		return -1;
	out->where = xasprintf("%s.%s", shared, out->key_id);
	return 0;
}

int cmd_key_place_in(struct cmd_context *cx, const struct key_provider *p, struct key_place *out,
		     struct err *err)
{
	out->provider = p;
	if (!strcmp(p->name, "file"))
		return file_place(cx, out, err);
	if (!strcmp(p->name, "credential")) {
		out->where = credential_path();
		return 0;
	}
	out->own = true;
	if (find_key_id(cx, out, err))
		return -1;
	out->where = xstrdup(out->key_id);
	return 0;
}

int cmd_key_place_own(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	AUTO(free) char *shared = config_key_path(cx->config);

	out->provider = key_provider_find("file");
	out->own = true;
	/* Written down before there is such a file: who is killed then finds it again. */
	if (find_key_id(cx, out, err) || store_meta_set(cx->store, "key_id", out->key_id, err))
		return -1;
	out->where = xasprintf("%s.%s", shared, out->key_id);
	return 0;
}

static int find_provider(const char *name, const struct key_provider **out, struct err *err)
{
	*out = key_provider_find(name);
	return *out ? 0
		    : err_set(err, ERR_SECRET,
			      "unknown key provider '%s': it is secret-service, credential or file",
			      name);
}

/* For a new store, when the configuration does not say: the first place that is there. One that is
 * there and cannot be used was meant, and is not passed over. */
static int choose(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	const struct key_provider *p;

	for (size_t i = 0; (p = key_provider_at(i)); i++) {
		struct err why;

		if (cmd_key_place_in(cx, p, out, err))
			return -1;
		if (!p->answers(out->where, &why))
			return 0;
		if (why.code == ERR_LOCKED) {
			log_warn("key",
				 "the key does not go into %s: %s; to bring it there later: "
				 "calsync key move %s",
				 p->name, why.msg, p->name);
		} else if (why.code != ERR_NOT_FOUND) {
			*err = why;
			return err_wrap(err, "no place for the key was chosen; key.provider in the "
					     "config names one");
		}
		log_debug("key", "not in %s: %s", p->name, why.msg);
		key_place_release(out);
		*out = (struct key_place){0};
	}
	return err_set(err, ERR_SECRET, "there is no place for a key");
}

static int first_place(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	const char *wish = config_get(cx->config, "key.provider");
	const struct key_provider *p;

	if (!wish)
		return choose(cx, out, err);
	return find_provider(wish, &p, err) ? -1 : cmd_key_place_in(cx, p, out, err);
}

int cmd_key_place_kept(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	const struct key_provider *p;
	AUTO(free) char *kept = NULL;

	if (store_meta_get(cx->store, "key_provider", &kept, err))
		return -1;
	if (!kept)
		return err_set(err, ERR_NOT_CONNECTED,
			       "this store has no key yet; the first 'calsync connect' makes one");
	if (find_provider(kept, &p, err) || cmd_key_place_in(cx, p, out, err))
		return -1;
	return store_meta_get(cx->store, KEY_CHECK, &out->check, err);
}

/* *out_wish: what the configuration says instead; NULL = it agrees. Borrowed. */
static bool is_wished(const struct cmd_context *cx, const struct key_place *k,
		      const char **out_wish)
{
	const char *wish = config_get(cx->config, "key.provider");

	*out_wish = wish && strcmp(k->provider->name, wish) ? wish : NULL;
	return !*out_wish;
}

int cmd_key_place(struct cmd_context *cx, struct key_place *out, struct err *err)
{
	AUTO(key_place_release) struct key_place k = {0};
	const char *wish;

	if (cmd_key_place_kept(cx, &k, err))
		return -1;
	if (is_wished(cx, &k, &wish)) {
		*out = k;
		k = (struct key_place){0};
		return 0;
	}
	if (!key_provider_find(wish))
		return err_set(
			err, ERR_SECRET,
			"unknown key provider '%s' in the config: the key of this store lives "
			"in '%s'; set key.provider = %s, or remove that line",
			wish, k.provider->name, k.provider->name);
	return err_set(err, ERR_SECRET,
		       "the key of this store lives in '%s', but key.provider says '%s'; set "
		       "key.provider = %s, or bring the key there: calsync key move %s",
		       k.provider->name, wish, k.provider->name, wish);
}

void cmd_key_place_tell(const struct cmd_context *cx, const struct key_place *k)
{
	const char *wish;

	if (!is_wished(cx, k, &wish))
		log_warn("key",
			 "the key of this store lives in '%s', but key.provider in '%s' says '%s', "
			 "which stops every other command; set key.provider = %s there",
			 k->provider->name, config_path(cx->config), wish, k->provider->name);
}

bool cmd_key_place_is_shared(const struct cmd_context *cx, const struct key_place *k)
{
	return !k->own && !strcmp(k->provider->name, "file") &&
	       key_users_has_others(k->where, store_path(cx->store));
}

int cmd_key_keep(struct cmd_context *cx, const struct key_place *k, const struct secret_box *box,
		 struct err *err)
{
	AUTO(strbuf_release) struct strbuf check = STRBUF_INIT;

	/* Before the store has it: others are to know whose key they would replace. */
	if (!k->own && !strcmp(k->provider->name, "file") &&
	    key_users_add(k->where, store_path(cx->store), err))
		return -1;
	if (secret_box_check(box, &check, err) ||
	    store_meta_set(cx->store, "key_provider", k->provider->name, err) ||
	    (k->key_id && store_meta_set(cx->store, "key_id", k->key_id, err)) ||
	    (k->own && !strcmp(k->provider->name, "file") &&
	     store_meta_set(cx->store, "key_file", "own", err)))
		return -1;
	return store_meta_set(cx->store, KEY_CHECK, check.buf, err);
}

int cmd_has_key(struct cmd_context *cx, bool *out, struct err *err)
{
	AUTO(free) char *kept = NULL;

	*out = false;
	if (!cx->store)
		return 0;
	if (store_meta_get(cx->store, "key_provider", &kept, err))
		return -1;
	*out = kept != NULL;
	return 0;
}

static int open_kept(const struct key_place *k, struct secret_box **out, struct err *err)
{
	bool next;

	if (secret_box_open_checked(k->provider, k->where, k->check, out, &next, err))
		return -1;
	if (next)
		log_warn("key", "a change of the key was interrupted; to finish it: calsync key "
				"rotate");
	return 0;
}

int cmd_secret_box(struct cmd_context *cx, struct secret_box **out, struct err *err)
{
	AUTO(key_place_release) struct key_place k = {0};

	if (!cx->box && (cmd_key_place(cx, &k, err) || open_kept(&k, &cx->box, err)))
		return -1;
	*out = cx->box;
	return 0;
}

/* It may have been opened long ago, before somebody was asked to log in: whoever has changed the
 * store's key since has not waited for us. */
static int drop_old_box(struct cmd_context *cx, struct err *err)
{
	AUTO(free) char *check = NULL;

	if (!cx->box)
		return 0;
	if (store_meta_get(cx->store, KEY_CHECK, &check, err))
		return -1;
	if (check && !secret_box_is_known_by(cx->box, check)) {
		secret_box_free(cx->box);
		cx->box = NULL;
	}
	return 0;
}

int cmd_secret_box_first(struct cmd_context *cx, bool replace_lost, bool *out_replaced,
			 struct secret_box **out, struct err *err)
{
	AUTO(key_place_release) struct key_place k = {0};
	bool kept, made;

	*out_replaced = false;
	if (drop_old_box(cx, err))
		return -1;
	if (cx->box) {
		*out = cx->box;
		return 0;
	}
	if (cmd_has_key(cx, &kept, err) ||
	    (kept ? cmd_key_place(cx, &k, err) : first_place(cx, &k, err)))
		return -1;
	/* A key that sealed something once and is gone is not replaced: it may come back. */
	if (kept && !open_kept(&k, &cx->box, err)) {
		*out = cx->box;
		return k.check ? 0 : cmd_key_keep(cx, &k, cx->box, err);
	}
	if (kept && !replace_lost)
		return -1;
	if (secret_box_make(k.provider, k.where, &cx->box, &made, err) ||
	    cmd_key_keep(cx, &k, cx->box, err))
		return -1;
	/* Several stores may have their keys in one place, and another one may use this by then. */
	if (made)
		log_debug("key", "there is a new key in %s; it stays, also when this fails",
			  k.provider->name);
	*out_replaced = kept;
	*out = cx->box;
	return 0;
}

bool cmd_secret_opens(const struct secret_box *box, const struct account *a,
		      const struct sealed_secret *s)
{
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;
	struct err closed;

	return !account_unseal(box, a, s->field, &s->sealed, &plain, &closed);
}

int cmd_secret_box_again(struct cmd_context *cx, struct secret_box **out, struct err *err)
{
	AUTO(key_place_release) struct key_place k = {0};

	return cmd_key_place(cx, &k, err) || open_kept(&k, out, err) ? -1 : 0;
}
