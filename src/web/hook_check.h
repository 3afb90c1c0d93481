/*
 * What a request to the receiver is, by its first line and its headers: no I/O, so that a table
 * of cases can test it.
 *
 *   hook_request_begin() -> hook_request_header() for each header, in any order
 *   -> hook_request_judge()
 *
 * Source  google-calendar-api.md 6.3 (the headers); RFC 9112 sections 6.1 and 6.3 (framing), where
 *         we are stricter than it asks: whatever two readers may understand differently is refused
 */
#ifndef WEB_HOOK_CHECK_H
#define WEB_HOOK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secret/digest.h"

#define HOOK_PATH         "/api/calendar/webhook/google"
#define HOOK_HEALTH_PATH  "/healthz"
#define HOOK_METRICS_PATH "/metrics"

#define HOOK_CHANNEL_MAX  64   /* bytes, Google's limit */
#define HOOK_TOKEN_MAX    256  /* bytes, Google's limit */
#define HOOK_RESOURCE_MAX 256  /* bytes; Google says none, theirs have about 27 */
#define HOOK_BODY_MAX     4096 /* bytes; Google sends none */
#define HOOK_HEADERS_MAX  8192 /* bytes of the target, all names and values */

/* One notification. */
struct hook_message {
	char channel[HOOK_CHANNEL_MAX + 1];
	char resource[HOOK_RESOURCE_MAX + 1];
	int64_t number;
	bool is_sync; /* the first one of a channel; else 'exists' or 'not_exists' */
	unsigned char token_hash[DIGEST_LEN];
};

enum hook_verdict {
	HOOK_MESSAGE,           /* *out_message is set */
	HOOK_HEALTH,            /* GET or HEAD of HOOK_HEALTH_PATH */
	HOOK_METRICS,           /* GET or HEAD of HOOK_METRICS_PATH */
	HOOK_BAD,               /* 400 */
	HOOK_BAD_FRAMING,       /* 400, and the rest of the connection means nothing */
	HOOK_NOT_FOUND,         /* 404 */
	HOOK_WANTS_POST,        /* 405 */
	HOOK_WANTS_GET,         /* 405 */
	HOOK_BODY_TOO_LARGE,    /* 413 */
	HOOK_HEADERS_TOO_LARGE, /* 431 */
};

enum hook_field {
	HOOK_FIELD_CHANNEL,
	HOOK_FIELD_NUMBER,
	HOOK_FIELD_RESOURCE,
	HOOK_FIELD_STATE,
	HOOK_FIELD_TOKEN,
	HOOK_FIELD_LENGTH,   /* Content-Length */
	HOOK_FIELD_ENCODING, /* Transfer-Encoding */
	HOOK_FIELD_HOST,
	HOOK_FIELDS,
};

struct hook_request {
	bool is_metrics; /* asked at the address for metrics: nothing else is there */
	int path;        /* of the three above, in the order of the file; -1 = another */
	struct {
		const char *at; /* borrowed; NULL = it did not come */
		size_t len;
		bool is_double;
	} fields[HOOK_FIELDS];
	size_t head_bytes;
	bool has_bad_name;  /* a header's name is no token */
	bool has_bad_value; /* a control character is in a header's value */
	bool is_loose;      /* the caller's: not written as it should be (head_check.h) */
};

/* target: as it came, undecoded, with its query. */
void hook_request_begin(struct hook_request *r, bool is_metrics, const char *target);
/* Name and value stay the caller's, until judged. */
void hook_request_header(struct hook_request *r, const char *name, size_t name_len,
			 const char *value, size_t value_len);
/*
 * method, version  as in the first line: "POST", "HTTP/1.1"
 * out_why          what is wrong, for the log; static, nothing of the request; NULL = nothing
 */
enum hook_verdict hook_request_judge(const struct hook_request *r, const char *method,
				     const char *version, struct hook_message *out_message,
				     const char **out_why);

#endif
