#include "store/account_seal.h"

#include "base/xalloc.h"

#include "base/banned.h"

/* No host holds a space: base/url.h. */
static char *owner_without_user(const struct account *a)
{
	return xasprintf("%lld %s", (long long)a->id, a->base_url ? a->base_url : "");
}

static char *owner(const struct account *a)
{
	AUTO(free) char *rest = owner_without_user(a);

	return a->subject ? xasprintf("%s %s", rest, a->subject) : TAKE(rest);
}

int account_seal(const struct secret_box *box, const struct account *a, const char *field,
		 const void *plain, size_t len, struct strbuf *out, struct err *err)
{
	AUTO(free) char *name = owner(a);

	return secret_seal(box, name, field, plain, len, out, err);
}

int account_unseal(const struct secret_box *box, const struct account *a, const char *field,
		   const struct strbuf *sealed, struct strbuf *out, struct err *err)
{
	AUTO(free) char *name = owner(a);
	AUTO(free) char *before = owner_without_user(a);
	struct err closed;

	if (!secret_unseal(box, name, field, sealed->buf, sealed->len, out, err))
		return 0;
	if (a->subject &&
	    !secret_unseal(box, before, field, sealed->buf, sealed->len, out, &closed))
		return 0;
	return -1;
}
