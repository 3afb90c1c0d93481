#include "web/hook_check.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/banned.h"

static const char *const field_names[HOOK_FIELDS] = {
	[HOOK_FIELD_CHANNEL] = "X-Goog-Channel-ID",   [HOOK_FIELD_NUMBER] = "X-Goog-Message-Number",
	[HOOK_FIELD_RESOURCE] = "X-Goog-Resource-ID", [HOOK_FIELD_STATE] = "X-Goog-Resource-State",
	[HOOK_FIELD_TOKEN] = "X-Goog-Channel-Token",  [HOOK_FIELD_LENGTH] = "Content-Length",
	[HOOK_FIELD_ENCODING] = "Transfer-Encoding",  [HOOK_FIELD_HOST] = "Host",
};

enum path { PATH_HOOK, PATH_HEALTH, PATH_METRICS, PATH_OTHER = -1 };

static const char *const paths[] = {
	[PATH_HOOK] = HOOK_PATH,
	[PATH_HEALTH] = HOOK_HEALTH_PATH,
	[PATH_METRICS] = HOOK_METRICS_PATH,
};

void hook_request_begin(struct hook_request *r, bool is_metrics, const char *target)
{
	size_t len = strcspn(target, "?");

	*r = (struct hook_request){
		.is_metrics = is_metrics, .path = PATH_OTHER, .head_bytes = strlen(target)};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strlen(paths[i]) == len && !memcmp(paths[i], target, len) &&
		    (i == PATH_METRICS) == is_metrics)
			r->path = (int)i;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *s, size_t len)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    (!c || !strchr(marks, c)))
			return false;
	}
	return len > 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 section 5.5 */
static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return true;
	return false;
}

void hook_request_header(struct hook_request *r, const char *name, size_t name_len,
			 const char *value, size_t value_len)
{
	r->head_bytes += name_len + value_len + 4; /* colon, space, end of line */
	r->has_bad_name = r->has_bad_name || !is_token(name, name_len);
	r->has_bad_value = r->has_bad_value || has_control(value, value_len);
	while (value_len && is_blank(value[value_len - 1]))
		value_len--;
	while (value_len && is_blank(*value)) {
		value++;
		value_len--;
	}
	for (size_t i = 0; i < HOOK_FIELDS; i++) {
		if (strlen(field_names[i]) != name_len ||
		    strncasecmp(field_names[i], name, name_len) != 0)
			continue;
		r->fields[i].is_double = r->fields[i].at != NULL;
		r->fields[i].at = value ? value : "";
		r->fields[i].len = value_len;
	}
}

/* --- framing ----------------------------------------------------------------------------- */

/* Decimal digits alone; -1 = no such number, or one beyond int64. */
static int64_t decimal(const char *s, size_t len)
{
	int64_t n = 0;

	if (!len)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, s[i] - '0', &n))
			return -1;
	return n;
}

static const char *framing_trouble(const struct hook_request *r, const char *version)
{
	bool has_encoding = r->fields[HOOK_FIELD_ENCODING].at;
	bool has_length = r->fields[HOOK_FIELD_LENGTH].at;

	if (r->has_bad_name)
		return "a header's name is none";
	if (r->has_bad_value)
		return "a control character is in a header";
	if (r->is_loose)
		return "a line does not end with CR LF, or a NUL is in it";
	if (r->fields[HOOK_FIELD_HOST].is_double)
		return "its host is told twice";
	if (r->fields[HOOK_FIELD_LENGTH].is_double || r->fields[HOOK_FIELD_ENCODING].is_double)
		return "its length is told twice";
	if (has_encoding && has_length)
		return "Content-Length and Transfer-Encoding together";
	if (has_encoding && strcmp(version, "HTTP/1.1") != 0)
		return "Transfer-Encoding in a version that has none";
	if (has_encoding && (r->fields[HOOK_FIELD_ENCODING].len != strlen("chunked") ||
			     strncasecmp(r->fields[HOOK_FIELD_ENCODING].at, "chunked", 7) != 0))
		return "an unknown Transfer-Encoding";
	if (has_length &&
	    decimal(r->fields[HOOK_FIELD_LENGTH].at, r->fields[HOOK_FIELD_LENGTH].len) < 0)
		return "Content-Length is no number";
	return NULL;
}

/* --- the message ------------------------------------------------------------------------- */

/* A field of visible ASCII; false: it is missing, empty, there twice, or too long. */
static bool is_word(const struct hook_request *r, enum hook_field f, size_t max)
{
	const char *s = r->fields[f].at;

	if (!s || r->fields[f].is_double || !r->fields[f].len || r->fields[f].len > max)
		return false;
	for (size_t i = 0; i < r->fields[f].len; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return false;
	return true;
}

static bool is_state(const struct hook_request *r, const char *state)
{
	return r->fields[HOOK_FIELD_STATE].len == strlen(state) &&
	       !memcmp(r->fields[HOOK_FIELD_STATE].at, state, strlen(state));
}

static void copy(char *out, const struct hook_request *r, enum hook_field f)
{
	memcpy(out, r->fields[f].at, r->fields[f].len);
	out[r->fields[f].len] = '\0';
}

/* Returns what is wrong, NULL = nothing. */
static const char *read_message(const struct hook_request *r, struct hook_message *out)
{
	if (!is_word(r, HOOK_FIELD_CHANNEL, HOOK_CHANNEL_MAX))
		return "no good X-Goog-Channel-ID";
	if (!is_word(r, HOOK_FIELD_TOKEN, HOOK_TOKEN_MAX))
		return "no good X-Goog-Channel-Token";
	if (!is_word(r, HOOK_FIELD_RESOURCE, HOOK_RESOURCE_MAX))
		return "no good X-Goog-Resource-ID";
	if (!is_word(r, HOOK_FIELD_NUMBER, 19) || /* digits of INT64_MAX */
	    (out->number = decimal(r->fields[HOOK_FIELD_NUMBER].at,
				   r->fields[HOOK_FIELD_NUMBER].len)) <= 0)
		return "no good X-Goog-Message-Number";
	if (!is_word(r, HOOK_FIELD_STATE, 16) ||
	    (!is_state(r, "sync") && !is_state(r, "exists") && !is_state(r, "not_exists")))
		return "no good X-Goog-Resource-State";
	out->is_sync = is_state(r, "sync");
	copy(out->channel, r, HOOK_FIELD_CHANNEL);
	copy(out->resource, r, HOOK_FIELD_RESOURCE);
	digest_sha256(r->fields[HOOK_FIELD_TOKEN].at, r->fields[HOOK_FIELD_TOKEN].len,
		      out->token_hash);
	return NULL;
}

enum hook_verdict hook_request_judge(const struct hook_request *r, const char *method,
				     const char *version, struct hook_message *out_message,
				     const char **out_why)
{
	*out_why = framing_trouble(r, version);
	if (*out_why)
		return HOOK_BAD_FRAMING;
	if (r->head_bytes > HOOK_HEADERS_MAX) {
		*out_why = "too many headers";
		return HOOK_HEADERS_TOO_LARGE;
	}
	if (r->fields[HOOK_FIELD_LENGTH].at &&
	    decimal(r->fields[HOOK_FIELD_LENGTH].at, r->fields[HOOK_FIELD_LENGTH].len) >
		    HOOK_BODY_MAX) {
		*out_why = "too large a body";
		return HOOK_BODY_TOO_LARGE;
	}
	if (r->path == PATH_OTHER) {
		*out_why = "nothing is at this path";
		return HOOK_NOT_FOUND;
	}
	if (r->path != PATH_HOOK) {
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
			*out_why = "only GET is answered at this path";
			return HOOK_WANTS_GET;
		}
		return r->path == PATH_HEALTH ? HOOK_HEALTH : HOOK_METRICS;
	}
	if (strcmp(method, "POST") != 0) {
		*out_why = "only POST is answered at this path";
		return HOOK_WANTS_POST;
	}
	*out_why = read_message(r, out_message);
	return *out_why ? HOOK_BAD : HOOK_MESSAGE;
}
