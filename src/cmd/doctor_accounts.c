/* The accounts: their logins, their syncs, and what waits in them. */
#include "cmd/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/context.h"
#include "cmd/output.h"
#include "cmd/scopes.h"
#include "google/oauth.h"
#include "base/banned.h"

#define DAY_MS (24LL * 60 * 60 * 1000)

#define ACCOUNTS "accounts"

static void must_reconnect(struct doctor *d, const struct account *a)
{
	AUTO(free) char *word = account_word(a->name);

	doctor_mend(d, "calsync connect %s", word);
	d->list[d->count - 1].reconnect = true;
}

/* A command of that account. */
static void mend_with(struct doctor *d, const struct account *a, const char *command)
{
	AUTO(free) char *word = account_word(a->name);

	doctor_mend(d, "calsync -a %s %s", word, command);
}

static void check_login(struct doctor *d, const struct account *a)
{
	AUTO(strbuf_release) struct strbuf missing = STRBUF_INIT;

	if (a->state == ACCOUNT_REAUTH_REQUIRED) {
		doctor_add(d, ACCOUNTS, FINDING_ERROR,
			   "Google takes the login of '%s' no more: nothing is synced", a->name);
		must_reconnect(d, a);
	}
	scopes_missing(a->scopes, a->read_only ? OAUTH_SCOPES_READ : OAUTH_SCOPES_WRITE, &missing);
	if (missing.len) {
		doctor_add(d, ACCOUNTS, FINDING_ERROR, "the login of '%s' lacks the permission %s",
			   a->name, missing.buf);
		must_reconnect(d, a);
	}
}

static void check_age(struct doctor *d, const struct account *a)
{
	int64_t since = a->last_sync_ms ? a->last_sync_ms : a->connected_ms;
	char ago[OUT_TIME_LEN];

	if (a->state != ACCOUNT_CONNECTED)
		return;
	if (a->last_error) {
		doctor_add(d, ACCOUNTS, FINDING_WARNING, "the last sync of '%s' failed: %s",
			   a->name, a->last_error);
		mend_with(d, a, "sync");
	}
	if (d->now_ms - since <= DAY_MS)
		return;
	out_age_ms(d->now_ms - since, ago);
	if (a->last_sync_ms)
		doctor_add(d, ACCOUNTS, FINDING_WARNING, "the last good sync of '%s' was %s",
			   a->name, ago);
	else
		doctor_add(d, ACCOUNTS, FINDING_WARNING,
			   "'%s' was connected %s and has never been synced", a->name, ago);
	mend_with(d, a, "sync");
}

static int count_refused(struct doctor *d, const struct account *a, int64_t *out, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list l = {0};

	*out = 0;
	if (store_outbox_list(d->cx->store, a->id, 0, -1, 0, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++)
		*out += l.items[i].state == OUTBOX_REFUSED;
	return 0;
}

static void check_events(struct doctor *d, const struct account *a)
{
	int64_t refused, waiting;
	struct err err;

	if (count_refused(d, a, &refused, &err) ||
	    store_conflict_count(d->cx->store, a->id, &waiting, &err)) {
		doctor_add(d, ACCOUNTS, FINDING_ERROR, "%s", err.msg);
		return;
	}
	if (refused) {
		doctor_add(d, ACCOUNTS, FINDING_WARNING,
			   "Google refused %" PRId64 " change%s of '%s'", refused,
			   refused == 1 ? "" : "s", a->name);
		mend_with(d, a, "queue");
	}
	if (waiting) {
		doctor_add(d, ACCOUNTS, FINDING_WARNING,
			   "%" PRId64 " conflict%s of '%s' wait%s for a decision", waiting,
			   waiting == 1 ? "" : "s", a->name, waiting == 1 ? "s" : "");
		mend_with(d, a, "conflicts");
	}
}

static void check_disconnected(struct doctor *d, const struct account *a)
{
	AUTO(sealed_secret_list_release) struct sealed_secret_list secrets = {0};
	AUTO(free) char *word = account_word(a->name);
	struct err err;

	if (store_secret_list(d->cx->store, a->id, &secrets, &err)) {
		doctor_add(d, ACCOUNTS, FINDING_ERROR, "%s", err.msg);
		return;
	}
	if (!secrets.count) {
		doctor_add(d, ACCOUNTS, FINDING_SKIPPED, "'%s' is disconnected; its events stay",
			   a->name);
		return;
	}
	doctor_add(d, ACCOUNTS, FINDING_WARNING,
		   "'%s' is disconnected, but the secrets of a login are still here", a->name);
	doctor_mend(d, "calsync disconnect %s", word);
}

static void check_account(struct doctor *d, const struct account *a)
{
	size_t before = d->count;

	if (a->state == ACCOUNT_DISCONNECTED) {
		check_disconnected(d, a);
		return;
	}
	check_login(d, a);
	check_age(d, a);
	check_events(d, a);
	if (d->count == before)
		doctor_add(d, ACCOUNTS, FINDING_OK, "'%s' (%s) is connected and in step", a->name,
			   a->email);
}

/* The name in the settings that commands take when none is given. */
static void check_wish(struct doctor *d)
{
	const char *wish = cmd_account_wish(d->cx), *env = getenv("CALSYNC_ACCOUNT");

	if (!wish || d->cx->global.account || !d->accounts.count)
		return;
	for (size_t i = 0; i < d->accounts.count; i++)
		if (!strcmp(d->accounts.items[i].name, wish))
			return;
	doctor_add(d, ACCOUNTS, FINDING_ERROR,
		   "there is no account '%s', which %s names for all commands", wish,
		   env && *env ? "CALSYNC_ACCOUNT" : "account.default");
	doctor_mend(d, "calsync accounts lists those that there are");
}

void doctor_accounts(struct doctor *d)
{
	if (!d->accounts.count) {
		doctor_add(d, ACCOUNTS, FINDING_SKIPPED, "no account is connected yet");
		doctor_mend(d, "calsync connect");
		return;
	}
	check_wish(d);
	for (size_t i = 0; i < d->accounts.count; i++)
		check_account(d, &d->accounts.items[i]);
}
