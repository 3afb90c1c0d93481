/* The settings that the program reads, and what may stand there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/url.h"
#include "cmd/cmd.h"
#include "cmd/doctor_verdict.h"
#include "secret/secret.h"
#include "sync/plan.h"

#include "base/banned.h"

static bool is_number(const char *s, long low, long high)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	return !errno && *s >= '0' && *s <= '9' && !*end && n >= low && n <= high;
}

static const char *project_units(const char *value)
{
	return is_number(value, 1, 1000000) ? NULL : "it is a number from 1 to 1000000";
}

static const char *base_url(const char *value)
{
	struct err err;

	return url_check_base(value, &err)
		       ? "it is https:// and a host (http:// for this machine alone), no path"
		       : NULL;
}

static const char *seconds(const char *value)
{
	return is_number(value, 1, 24L * 60 * 60) ? NULL
						  : "it is a number of seconds from 1 to 86400";
}

static const char *provider(const char *value)
{
	return key_provider_find(value) ? NULL : "it is secret-service, credential or file";
}

static const char *conflict(const char *value)
{
	enum conflict_policy policy;

	return conflict_policy_parse(value, &policy)
		       ? "it is merge, newest, local, remote or manual"
		       : NULL;
}

static const char *days(const char *value)
{
	return is_number(value, 0, 36500) ? NULL
					  : "it is a number of days from 0 (for ever) to 36500";
}

static const char *period(const char *value)
{
	struct duration d;
	struct err err;

	return duration_parse(value, &d, &err) ? "it is a length of time, as 3h or 1 day" : NULL;
}

static const char *path(const char *value)
{
	return *value == '/' || !strncmp(value, "~/", 2)
		       ? NULL
		       : "it begins neither with / nor with ~/, so it depends on the folder that "
			 "calsync is started in";
}

static const struct setting {
	const char *key;
	const char *(*check)(const char *value); /* NULL = any text */
	enum finding_status bad;                 /* WARNING: commands go on all the same */
} settings[] = {
	{"account.default", NULL, FINDING_OK},
	{"connect.timeout", seconds, FINDING_WARNING},
	{"google.base_url", base_url, FINDING_ERROR},
	{"google.client_id", NULL, FINDING_OK},
	{"google.client_secret", NULL, FINDING_OK},
	{"google.project_units_per_minute", project_units, FINDING_ERROR},
	{"history.days", days, FINDING_ERROR},
	{"key.file", path, FINDING_WARNING},
	{"key.provider", provider, FINDING_ERROR},
	{"status.late_after", period, FINDING_ERROR},
	{"store.path", path, FINDING_WARNING},
	{"sync.conflict", conflict, FINDING_ERROR},
	{"webhook.backend_url", NULL, FINDING_OK}, /* the check `channel` looks at it */
	{"webhook.database", path, FINDING_WARNING},
};

static const struct setting *find(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!strcmp(settings[i].key, key))
			return &settings[i];
	return NULL;
}

bool verdict_key_known(const char *key)
{
	return find(key);
}

const char *verdict_key_at(size_t i)
{
	return i < ARRAY_SIZE(settings) ? settings[i].key : NULL;
}

const char *verdict_key_near(const char *key)
{
	const char *best = NULL, *name = strchr(key, '.');
	size_t best_distance = strlen(key) / 3 + 1;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		size_t d = cmd_distance(settings[i].key, key);

		if (d < best_distance) {
			best = settings[i].key;
			best_distance = d;
		}
	}
	/* The right name in the wrong section. */
	for (size_t i = 0; !best && name && i < ARRAY_SIZE(settings); i++)
		if (!strcmp(strchr(settings[i].key, '.'), name))
			best = settings[i].key;
	return best;
}

const char *verdict_value(const char *key, const char *value, enum finding_status *out_status)
{
	const struct setting *s = find(key);
	const char *trouble = s && s->check ? s->check(value) : NULL;

	*out_status = trouble ? s->bad : FINDING_OK;
	return trouble;
}
