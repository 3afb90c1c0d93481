/*
 * Where things are and what the INI file says.
 *
 * Order   command line, environment, config file, built-in default.
 * Paths   design.md section 2, Environment: XDG, and systemd's $STATE_DIRECTORY,
 *         $CONFIGURATION_DIRECTORY, $CREDENTIALS_DIRECTORY.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stddef.h>

#include "base/err.h"

struct config;

/* path NULL: $CALSYNC_CONFIG, $CONFIGURATION_DIRECTORY/config, $XDG_CONFIG_HOME/calsync/config. A
 * missing file is an empty one (an explicitly named one is ERR_USAGE). A line that is no INI is
 * ERR_INVALID with file and line number. */
int config_load(const char *path, struct config **out, struct err *err);
/* The places alone, when the file cannot be read: config_get() finds nothing. */
int config_load_places(const char *path, struct config **out, struct err *err);
void config_free(struct config *c);
const char *config_path(const struct config *c); /* borrowed; the file read, or that would be */
/* "section.key", e.g. "google.client_id", "key.provider"; NULL = not set. Borrowed. */
const char *config_get(const struct config *c, const char *key);
/* The i-th setting of the file, in its order; NULL behind the last. Borrowed. */
const char *config_key_at(const struct config *c, size_t i);

/*
 * Set "section.name" in the file, or take it out (value NULL): its other lines stay as they are.
 * The file is replaced in one step, and only when the new text reads as the old one but for this;
 * it is made when there is none. Errors: ERR_INVALID when the value cannot
 * stand in such a file, ERR_FAILED.
 */
int config_set(const struct config *c, const char *key, const char *value, struct err *err);

/* --db, $CALSYNC_DB, config "store.path", $STATE_DIRECTORY/calsync.db,
 * $XDG_DATA_HOME/calsync/calsync.db. option NULL = not given. Caller frees. */
char *config_db_path(const struct config *c, const char *option);
/* The webhook's own database: $CALSYNC_WEBHOOK_DB, config "webhook.database", else beside the store
 * at db_path: "<db_path>-webhook". Caller frees. c NULL: by the environment alone, else NULL. */
char *config_webhook_db_path(const struct config *c, const char *db_path);
/* config "key.file", else $XDG_CONFIG_HOME/calsync/key. Caller frees. */
char *config_key_path(const struct config *c);
/* $CALSYNC_GOOGLE_BASE_URL or "" for Google itself. ERR_USAGE when it is not https (http only to
 * a loopback address), or has a path, query, user info. Caller frees. */
int config_google_base_url(const struct config *c, char **out, struct err *err);
/* config "history.days", how long versions of events are kept: 90 when not set, 0 = for ever.
 * ERR_USAGE when it is no number of days up to 36500. */
int config_history_days(const struct config *c, int *out, struct err *err);
/* $BACKEND_URL, config webhook.backend_url: what Google reaches the webhook by, not checked; NULL = not
 * set. Borrowed. */
const char *config_backend_url(const struct config *c);
/* $GOOGLE_CLIENT_ID, config google.client_id; NULL = not set. Borrowed. */
const char *config_client_id(const struct config *c);
const char *config_client_secret(const struct config *c);

static inline void config_free_ptr(struct config **c)
{
	config_free(*c);
}

#endif
