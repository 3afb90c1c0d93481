/* The key that seals the logins, and whether it opens them. */
#include "cmd/doctor.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cmd/context.h"
#include "secret/secret.h"
#include "base/banned.h"

#define CHECK "key"

#define WHEN_LOST "connect every account again (calsync connect NAME), the first with --force"

static void check_secrets(struct doctor *d, const struct secret_box *box, size_t begin)
{
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < d->accounts.count; i++) {
		AUTO(sealed_secret_list_release) struct sealed_secret_list secrets = {0};
		const struct account *a = &d->accounts.items[i];
		AUTO(free) char *word = account_word(a->name);
		size_t k = 0;

		if (store_secret_list(d->cx->store, a->id, &secrets, &err)) {
			doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
			return;
		}
		count += secrets.count;
		while (k < secrets.count && cmd_secret_opens(box, a, &secrets.items[k]))
			k++;
		if (k == secrets.count)
			continue;
		doctor_add(d, CHECK, FINDING_ERROR,
			   "the key does not open what account '%s' has sealed (%s): it is another "
			   "store's, or the store was changed",
			   a->name, secrets.items[k].field);
		doctor_mend(d, "put the right key back; if it is lost: calsync connect %s", word);
	}
	if (d->count == begin)
		doctor_add(d, CHECK, FINDING_OK, "the key is there and opens all %zu secret%s",
			   count, count == 1 ? "" : "s");
}

/* --- what mends it ----------------------------------------------------------------------- */

/* The file, or the folder that keeps us from it. */
static void mend_denied(struct doctor *d, const char *path)
{
	AUTO(free) char *copy = xstrdup(path);
	const char *folder = dirname(copy);

	if (access(folder, X_OK))
		doctor_mend(d, "chmod 700 '%s'", folder);
	else
		doctor_mend(d, "chmod 600 '%s'", path);
}

/* Only where no key is left a new login is a way out: everywhere else it would take the place of
 * one that is there. */
static void mend_key(struct doctor *d, const struct key_place *k, const char *reason)
{
	static const struct {
		const char *reason, *mend;
	} mends[] = {
		{KEY_GONE, "put it back there; if it is lost: " WHEN_LOST},
		{KEY_OTHER, "put the right one back there; if it is lost: " WHEN_LOST},
		{KEY_SPOILT, "put the right one back there; if it is lost, remove this one and "
			     "then " WHEN_LOST},
		{KEY_LINK, "put the file itself there, or name its real place as key.file in the "
			   "config"},
		{KEY_KIND, "move it away, and put the key file there; if that is lost: " WHEN_LOST},
		{KEY_LOCKED, "unlock the keyring: log in to the desktop, or, at a terminal: "
			     "calsync key status"},
		{KEY_SILENT, "unlock the keyring, if it waits for a password; if it hangs, log out "
			     "of the desktop and in again"},
		{KEY_NO_SERVICE, "run calsync in the session of the desktop whose keyring holds "
				 "the key"},
		{KEY_CREDENTIAL, "run calsync by its service, for which systemd places the key "
				 "(LoadCredentialEncrypted=, see calsync-key(1))"},
	};

	if (!strcmp(reason, KEY_MODE)) {
		doctor_mend(d, "chmod 600 '%s'", k->where);
	} else if (!strcmp(reason, KEY_OWNER)) {
		doctor_mend(d, "run calsync as that user, or, as root: chown %ld '%s'",
			    (long)geteuid(), k->where);
	} else if (!strcmp(reason, KEY_DENIED)) {
		mend_denied(d, k->where);
	}
	for (size_t i = 0; i < ARRAY_SIZE(mends); i++)
		if (!strcmp(mends[i].reason, reason))
			doctor_mend(d, "%s", mends[i].mend);
}

/* The configuration says another place, or the store a place that is unknown here. */
static void mend_place(struct doctor *d)
{
	const char *wish = config_get(d->cx->config, "key.provider");
	AUTO(free) char *kept = NULL;
	struct err err;

	if (store_meta_get(d->cx->store, "key_provider", &kept, &err) || !kept || !wish)
		return;
	if (key_provider_find(kept) && key_provider_find(wish))
		doctor_mend(d,
			    "set key.provider = %s in '%s', or bring the key there: calsync key "
			    "move %s",
			    kept, config_path(d->cx->config), wish);
	else
		doctor_mend(d, "set key.provider = %s in '%s'", kept, config_path(d->cx->config));
}

void doctor_key(struct doctor *d)
{
	AUTO(key_place_release) struct key_place k = {0};
	AUTO(secret_box_free) struct secret_box *box = NULL;
	size_t begin = d->count;
	struct err err;
	bool has, next;

	if (cmd_has_key(d->cx, &has, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
		return;
	}
	if (!has) {
		doctor_add(d, CHECK, FINDING_SKIPPED,
			   "this store has no key yet; the first login makes it");
		return;
	}
	if (cmd_key_place(d->cx, &k, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
		mend_place(d);
		return;
	}
	if (secret_box_open_checked(k.provider, k.where, k.check, &box, &next, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
		mend_key(d, &k, err.reason);
		return;
	}
	if (next) {
		doctor_add(d, CHECK, FINDING_WARNING, "a change of the key was interrupted");
		doctor_mend(d, "calsync key rotate");
	}
	check_secrets(d, box, begin);
}
