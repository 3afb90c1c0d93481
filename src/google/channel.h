/*
 * Push channels: events.watch and channels.stop. Which channels there are is known here alone:
 * Google has no call that lists them.
 *
 * Source  Calendar API v3, Events: watch, Channels: stop; Push notifications
 */
#ifndef GOOGLE_CHANNEL_H
#define GOOGLE_CHANNEL_H

#include "google/google.h"

struct watch_request {        /* all borrowed */
	const char *calendar; /* Google's id */
	const char *id;       /* of the channel; up to 64 characters, never used before */
	const char *address;
	const char *token; /* secret; up to 256 characters, comes with every message */
	int64_t ttl_s;
};

/*
 * out_resource_id    Google's, needed to stop it; the caller frees
 * out_expiration_ms  when it ends, which may be sooner than asked for; 0: Google did not say
 * Errors  as of google_call(); ERR_GOOGLE with http_status 200: it was made, but its answer names
 *         no resource. err->reason: pushNotSupportedForRequestedResource, channelIdNotUnique,
 *         and see google_refuses_address() in error.h
 */
int google_watch_events(struct google *g, const struct watch_request *r, char **out_resource_id,
			int64_t *out_expiration_ms, struct err *err);
/* Errors  as of google_call(); google_says_gone(): there is no such channel any more */
int google_stop_channel(struct google *g, const char *id, const char *resource_id, struct err *err);

#endif
