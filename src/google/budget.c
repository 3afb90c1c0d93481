/*
 * Google's quota a minute, shared by all processes and runs: units are leased from the store in
 * small chunks. An idle sync leases once, and gives back the rest with what it writes at its end.
 *
 * Source  google-calendar-api.md 5.3
 */
#include "google/internal.h"

#include "base/log.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define USER_UNITS    600
#define PROJECT_UNITS 10000
#define CHUNK         25 /* of a patient run; a single try takes what it needs */

static bool is_leased(const struct google *g, int units)
{
	int64_t left_ms = g->lease.until_ms - clock_now_ms(g->o.clock);

	return g->lease.left >= units && left_ms > 0 && left_ms <= RATE_LEASE_MS;
}

int budget_take(struct google *g, int units, int64_t *out_wait_ms, struct err *err)
{
	AUTO(free) char *user = xasprintf("user %lld", (long long)g->account.id);
	AUTO(free)
	char *project = xasprintf("project %s",
				  g->account.client_id ? g->account.client_id : "service account");
	const struct rate_bucket buckets[] = {
		{user, USER_UNITS},
		{project, g->o.project_units ? g->o.project_units : PROJECT_UNITS},
	};
	struct rate_wish wish = {.need = units, .most = units};

	*out_wait_ms = 0;
	if (!units || g->o.no_writes) /* then the pace of this process alone has to do */
		return 0;
	if (!is_leased(g, units)) {
		if (g->o.patience == GOOGLE_PATIENT && units < CHUNK)
			wish.most = CHUNK;
		wish.now_ms = clock_now_ms(g->o.clock);
		if (store_rate_take(g->o.store, buckets, ARRAY_SIZE(buckets), &wish, &g->lease,
				    out_wait_ms, err))
			return -1;
		if (*out_wait_ms)
			return 0;
	}
	g->lease.left -= units;
	return 0;
}

int google_return_units(struct google *g, struct err *err)
{
	return store_rate_return(g->o.store, &g->lease, clock_now_ms(g->o.clock), err);
}
