/* The libraries that are in use. */
#include "cmd/doctor.h"

#include <json-c/json.h>
#include <libsmartcols.h>

#include "base/config.h"
#include "base/xalloc.h"
#include "google/http.h"
#include "ical/rscale.h"
#include "secret/library.h"
#include "store/health.h"
#include "web/mhd.h"
#include "base/banned.h"

#define LIBRARIES "libraries"

static void note(struct doctor *d, struct strbuf *all, const char *library, const char *version)
{
	const struct known_bad *bad = verdict_version(library, version);

	strbuf_addf(all, "%s%s %s", all->len ? ", " : "", library, version);
	if (!bad)
		return;
	doctor_add(d, LIBRARIES, bad->status, "%s %s %s", library, version, bad->why);
	doctor_mend(d, "%s", bad->mend);
}

/* As webhookd has it. Who has no use for that does not miss it. */
static const char *mhd_version(struct doctor *d)
{
	const struct mhd *mhd;
	struct err err;

	if (!mhd_load(&mhd, &err))
		return mhd->get_version();
	if (!config_backend_url(d->cx->config))
		return NULL;
	doctor_add(d, LIBRARIES, FINDING_WARNING, "webhookd cannot run: %s", err.msg);
	doctor_mend(d, "install libmicrohttpd (on Debian: apt install libmicrohttpd12)");
	return NULL;
}

void doctor_libraries(struct doctor *d)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;
	const char *curl, *smartcols = NULL, *why;
	AUTO(free) char *ical = rscale_library_version(&why);
	const char *mhd = mhd_version(d);
	struct err err;

	note(d, &all, "SQLite", store_library_version());
	if (!http_library_version(&curl, &err)) /* else the network's finding says so */
		note(d, &all, "libcurl", curl);
	note(d, &all, "libcrypto", secret_library_version());
	note(d, &all, "json-c", json_c_version());
	scols_get_library_version(&smartcols);
	if (smartcols)
		note(d, &all, "libsmartcols", smartcols);
	if (ical)
		note(d, &all, "libical", ical);
	if (mhd)
		note(d, &all, "libmicrohttpd", mhd);
	doctor_add(d, LIBRARIES, FINDING_OK, "%s", all.buf);
	if (!ical) {
		doctor_add(d, LIBRARIES, FINDING_WARNING,
			   "libical cannot be loaded (%s): series in other calendars than the "
			   "Gregorian cannot be worked out",
			   why);
		doctor_mend(d, "install libical (on Debian: apt install libical3)");
	}
}
