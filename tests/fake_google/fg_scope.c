/* Scopes as text and as bits. */
#include "fg_edge.h"

#include "base/banned.h"

#define SCOPE_PREFIX "https://www.googleapis.com/auth/"

static uint32_t scope_bit(const char *name, size_t len)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} names[] = {
#define X(bit, name) {name, bit},
		FG_SCOPES(X)
#undef X
			{"openid", FG_S_OPENID},
		{"email", FG_S_EMAIL},
		{"profile", FG_S_PROFILE},
	};
	size_t prefix = strlen(SCOPE_PREFIX);
	bool full = len > prefix && !strncmp(name, SCOPE_PREFIX, prefix);

	if (full) {
		name += prefix;
		len -= prefix;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == len && !strncmp(names[i].name, name, len))
			return full || !strchr(names[i].name, '.') ? names[i].bit : 0;
	return 0;
}

bool fg_scopes_parse(const char *text, uint32_t *out)
{
	uint32_t scopes = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		uint32_t bit = scope_bit(text, len);

		if (!bit)
			return false;
		scopes |= bit;
		text += len;
	}
	*out = scopes;
	return true;
}

char *fg_scopes_text(uint32_t scopes)
{
	struct strbuf sb = STRBUF_INIT;

#define X(bit, name)        \
	if (scopes & (bit)) \
		strbuf_adds(&sb, sb.len ? " " SCOPE_PREFIX name : SCOPE_PREFIX name);
	FG_SCOPES(X)
#undef X
	if (scopes & FG_S_OPENID)
		strbuf_adds(&sb, sb.len ? " openid" : "openid");
	return strbuf_detach(&sb);
}
