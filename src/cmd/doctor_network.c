/* The hosts that we talk to, and what their clock says. */
#include "cmd/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/url.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "google/error.h"
#include "google/http.h"
#include "base/banned.h"

#define CHECK "network"

#define TIMEOUT_MS 5000L
#define BASES_MAX  8

static const char *const google_urls[] = {
	"https://www.googleapis.com/", /* the API's comes first: its clock counts */
	"https://oauth2.googleapis.com/",
	"https://accounts.google.com/",
};

/* --- one host ---------------------------------------------------------------------------- */

static void note_date(struct doctor *d, const struct http_response *r, int64_t sent_ms)
{
	const char *date = http_headers_get(&r->headers, "Date");
	int64_t there_s = date ? http_date_parse(date) : -1;

	if (d->clock_known || there_s < 0)
		return;
	/* The header is cut to seconds: on average the truth is half of one later. */
	d->clock_known = true;
	d->skew_ms = there_s * 1000 + 500 - (sent_ms + clock_now_ms(d->cx->clock)) / 2;
}

/* Any answer will do: nobody is asked for anything, and nothing of ours goes along. */
static void check_host(struct doctor *d, struct transport *t, const char *url)
{
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(free) char *host = url_host(url);
	struct http_request req = {.method = "GET", .url = url, .timeout_ms = TIMEOUT_MS};
	int64_t sent_ms = clock_now_ms(d->cx->clock);
	struct err err = {0};
	const char *mend;

	if (t->exchange(t, &req, &r, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s%s%s", err.reason, *err.reason ? ": " : "",
			   err.msg);
		mend = verdict_network_mend(err.reason);
		if (mend)
			doctor_mend(d, "%s", mend);
		return;
	}
	note_date(d, &r, sent_ms);
	if (r.status == 407) {
		doctor_add(d, CHECK, FINDING_ERROR, "a proxy wants a login before it passes '%s'",
			   host);
		doctor_mend(d, "put user and password into https_proxy");
	} else if (r.status >= 500) {
		doctor_add(d, CHECK, FINDING_WARNING, "'%s' is reached, and in trouble (HTTP %d)",
			   host, r.status);
		doctor_mend(d, "wait: syncs go on by themselves when that has passed");
	} else {
		doctor_add(d, CHECK, FINDING_OK, "'%s' answers", host);
	}
}

static void check_base(struct doctor *d, struct transport *t, const char *base)
{
	AUTO(free) char *url = NULL;

	if (*base) {
		url = xasprintf("%s/", base);
		check_host(d, t, url);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(google_urls); i++)
		check_host(d, t, google_urls[i]);
}

/* --- all of them ------------------------------------------------------------------------- */

struct bases {
	const char *list[BASES_MAX];
	size_t count, more; /* accounts at others */
};

static void add_base(struct bases *b, const char *base)
{
	for (size_t i = 0; i < b->count; i++)
		if (!strcmp(b->list[i], base))
			return;
	if (b->count < BASES_MAX)
		b->list[b->count++] = base;
	else
		b->more++;
}

/* An account is asked for at the host that it was connected with, whatever is set today; a row that
 * another program has changed may name anything. */
static void add_accounts(struct bases *b, const struct account_list *l)
{
	struct err err;

	for (size_t i = 0; i < l->count; i++) {
		const struct account *a = &l->items[i];

		if (a->state != ACCOUNT_DISCONNECTED &&
		    (!*a->base_url || !url_check_base(a->base_url, &err)))
			add_base(b, a->base_url);
	}
}

void doctor_network(struct doctor *d)
{
	AUTO(free) char *base = NULL;
	struct bases bases = {0};
	struct transport *t;
	struct err err;

	if (d->o->offline) {
		doctor_add(d, CHECK, FINDING_SKIPPED, "--offline");
		d->clock_why = "--offline";
		return;
	}
	if (cmd_transport(d->cx, &t, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
		doctor_mend(d, "install libcurl (on Debian: apt install libcurl4)");
		d->clock_why = "there is no network library to ask Google with";
		return;
	}
	d->clock_why = "no answer told the time";
	if (d->cx->config && !config_google_base_url(d->cx->config, &base, &err))
		add_base(&bases, base);
	add_accounts(&bases, &d->accounts);
	if (!bases.count)
		doctor_add(d, CHECK, FINDING_SKIPPED, "which host to ask is not known");
	for (size_t i = 0; i < bases.count; i++)
		check_base(d, t, bases.list[i]);
	if (bases.more) {
		doctor_add(d, CHECK, FINDING_SKIPPED,
			   "the hosts of %zu more account%s were not asked", bases.more,
			   bases.more == 1 ? "" : "s");
		doctor_mend(d, "to ask that of one account: calsync -a NAME doctor");
	}
}

/* "5 minutes", "3 hours": the size is what counts */
static void how_much(int64_t ms, char buf[32])
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t s = (ms < 0 ? -ms : ms) / 1000;
	size_t i = 0;

	while (i < ARRAY_SIZE(units) - 1 && s < 2 * units[i].s)
		i++;
	s /= units[i].s;
	snprintf(buf, 32, "%lld %s%s", (long long)s, units[i].name, s == 1 ? "" : "s");
}

void doctor_clock(struct doctor *d)
{
	enum finding_status status;
	char off[32];

	if (!d->clock_known) {
		doctor_add(d, "clock", FINDING_SKIPPED, "%s", d->clock_why);
		return;
	}
	status = verdict_clock(d->skew_ms);
	how_much(d->skew_ms, off);
	if (status == FINDING_OK) {
		doctor_add(d, "clock", status, "the clock is right");
		return;
	}
	doctor_add(d, "clock", status, "the clock of this machine is %s %s", off,
		   d->skew_ms > 0 ? "behind Google's" : "ahead of Google's");
	doctor_mend(d, "timedatectl set-ntp true");
}
