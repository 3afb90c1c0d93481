/* What oauth.c and jwt.c share. */
#ifndef GOOGLE_OAUTH_INTERNAL_H
#define GOOGLE_OAUTH_INTERNAL_H

#include "google/oauth.h"

/* Appends without padding. */
void base64url_add(struct strbuf *sb, const void *data, size_t len);
/* POST a form to the token endpoint (wiping neither) and read the tokens of its answer. skew_ms:
 * Google's clock minus ours as of this answer, also of a refusal; NULL = not wanted. */
int oauth_token_request(struct transport *t, struct clock *clock, const char *base_url,
			const struct strbuf *form, struct oauth_token *out, int64_t *skew_ms,
			struct err *err);
/* "&name=value" ("name=value" first), value percent-encoded. */
void oauth_form_add(struct strbuf *form, const char *name, const char *value);

/*
 * Whom Google shall charge for a service account's calls: with domain-wide delegation all of its
 * users count as one otherwise (google-calendar-api.md 5.3). 40 characters that tell users apart
 * and no address. Caller frees.
 */
char *oauth_quota_user(const char *subject);

#endif
