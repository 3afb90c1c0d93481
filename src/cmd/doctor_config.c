/* The configuration file, and the settings of the environment. */
#include "cmd/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/url.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "base/banned.h"

#define CHECK "config"

static void check_mode(struct doctor *d, const struct stat *st)
{
	const char *path = config_path(d->cx->config);

	if (st->st_uid != geteuid() && st->st_uid != 0) {
		doctor_add(d, CHECK, FINDING_WARNING,
			   "'%s' belongs to another user, who can change what calsync does", path);
		doctor_mend(d, "chown \"$(id -un)\" '%s'", path);
	}
	if (st->st_mode & 022) {
		doctor_add(d, CHECK, FINDING_WARNING, "'%s' can be changed by others (mode %04o)",
			   path, st->st_mode & 07777);
		doctor_mend(d, "chmod 600 '%s'", path);
	} else if (st->st_mode & 077 && config_get(d->cx->config, "google.client_secret")) {
		doctor_add(d, CHECK, FINDING_WARNING,
			   "'%s' holds a client secret and can be read by others (mode %04o)", path,
			   st->st_mode & 07777);
		doctor_mend(d, "chmod 600 '%s'", path);
	}
}

static void unknown(struct doctor *d, const char *key)
{
	const char *near = verdict_key_near(key);

	doctor_add(d, CHECK, FINDING_WARNING, "nothing reads the setting %s in '%s'", key,
		   config_path(d->cx->config));
	if (near)
		doctor_mend(d, "is %s meant? See calsync.conf(5)", near);
	else
		doctor_mend(d, "remove it; calsync.conf(5) lists those that there are");
}

static void check_settings(struct doctor *d)
{
	const struct config *c = d->cx->config;
	const char *key;

	for (size_t i = 0; (key = config_key_at(c, i)); i++) {
		enum finding_status status;
		const char *trouble;

		if (!verdict_key_known(key)) {
			unknown(d, key);
			continue;
		}
		trouble = verdict_value(key, config_get(c, key), &status);
		if (trouble) {
			/* A malformed address may hold a password. */
			if (!strcmp(key, "google.base_url"))
				doctor_add(d, CHECK, status, "%s: %s", key, trouble);
			else
				doctor_add(d, CHECK, status, "%s is '%s': %s", key,
					   config_get(c, key), trouble);
			doctor_mend(d, "set it right in '%s', or remove the line", config_path(c));
		}
	}
}

/* What the environment says goes before the file. */
static void check_environment(struct doctor *d)
{
	const char *url = getenv("CALSYNC_GOOGLE_BASE_URL");
	const char *id = getenv("GOOGLE_CLIENT_ID"), *secret = getenv("GOOGLE_CLIENT_SECRET");
	struct err err;

	if (url && *url && url_check_base(url, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "CALSYNC_GOOGLE_BASE_URL: %s", err.msg);
		doctor_mend(d, "set it right, or unset CALSYNC_GOOGLE_BASE_URL");
	}
	if (secret && *secret && !(id && *id) && !config_get(d->cx->config, "google.client_id")) {
		doctor_add(d, CHECK, FINDING_WARNING,
			   "GOOGLE_CLIENT_SECRET is set, and no client that it belongs to");
		doctor_mend(d, "set GOOGLE_CLIENT_ID, too");
	}
}

static bool is_good(const struct doctor *d, size_t from)
{
	for (size_t i = from; i < d->count; i++)
		if (d->list[i].status != FINDING_OK)
			return false;
	return true;
}

/* Whatever is wrong with the file, there is something to go on with, if only the usual places. */
static void load(struct doctor *d)
{
	struct cmd_context *cx = d->cx;
	struct err err, none;

	if (!config_load(cx->global.config, &cx->config, &err))
		return;
	doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
	if (config_load_places(cx->global.config, &cx->config, &none))
		doctor_mend(d, "export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"");
	else if (cx->global.config || getenv("CALSYNC_CONFIG"))
		doctor_mend(d, "mend that file, or name another one as --config or in "
			       "CALSYNC_CONFIG");
	else
		doctor_mend(d, "mend '%s'; calsync.conf(5) says what it looks like",
			    config_path(cx->config));
}

void doctor_config(struct doctor *d)
{
	struct stat st;
	const char *path;

	load(d);
	if (!d->cx->config)
		return;
	path = config_path(d->cx->config);
	check_environment(d);
	if (stat(path, &st)) {
		if (errno == ENOENT && is_good(d, 0))
			doctor_add(d, CHECK, FINDING_OK, "there is no '%s', which is fine", path);
		return;
	}
	check_mode(d, &st);
	check_settings(d);
	if (is_good(d, 0))
		doctor_add(d, CHECK, FINDING_OK, "'%s' is in order", path);
}

void doctor_channel(struct doctor *d)
{
	const char *url = d->cx->config ? config_backend_url(d->cx->config) : getenv("BACKEND_URL");
	enum finding_status status;
	const char *trouble;
	AUTO(free) char *base = NULL;
	struct err err;

	if (!url || !*url) {
		doctor_add(d, "channel", FINDING_OK,
			   "BACKEND_URL is not set: changes at Google are seen when a sync asks, "
			   "not at once");
		return;
	}
	if (!d->cx->config || config_google_base_url(d->cx->config, &base, &err))
		base = xstrdup("");
	trouble = verdict_channel(url, base, &status);
	if (trouble) {
		doctor_add(d, "channel", status, "BACKEND_URL %s", trouble);
		doctor_mend(d, "set BACKEND_URL to the https address that Google can reach, or "
			       "unset it");
	} else {
		doctor_add(d, "channel", FINDING_OK, "BACKEND_URL is %s", url);
	}
}
