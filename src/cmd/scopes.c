#include "cmd/scopes.h"

#include <stdbool.h>
#include <string.h>

#include "base/banned.h"

#define SCOPE(s) "https://www.googleapis.com/auth/" s

/* Whether the space-separated list holds this scope. */
static bool has_scope(const char *list, const char *scope, size_t len)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, " ");

		if (n == len && !strncmp(p, scope, len))
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

/* A login may hold a wider permission than the one asked for (an imported token). */
static bool covered(const char *granted, const char *scope, size_t len)
{
	static const char *const wider[][2] = {
		{SCOPE("calendar.events"), SCOPE("calendar")},
		{SCOPE("calendar.events.readonly"), SCOPE("calendar")},
		{SCOPE("calendar.events.readonly"), SCOPE("calendar.readonly")},
		{SCOPE("calendar.events.readonly"), SCOPE("calendar.events")},
		{SCOPE("calendar.calendarlist.readonly"), SCOPE("calendar")},
		{SCOPE("calendar.calendarlist.readonly"), SCOPE("calendar.readonly")},
		{SCOPE("calendar.calendarlist.readonly"), SCOPE("calendar.calendarlist")},
	};

	if (has_scope(granted, scope, len))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(wider); i++)
		if (strlen(wider[i][0]) == len && !strncmp(wider[i][0], scope, len) &&
		    has_scope(granted, wider[i][1], strlen(wider[i][1])))
			return true;
	return false;
}

/* What a person loses without it. */
static const char *scope_meaning(const char *scope, size_t len)
{
	static const char *const rows[][2] = {
		{SCOPE("calendar.events"), "to read and change events"},
		{SCOPE("calendar.events.readonly"), "to read events"},
		{SCOPE("calendar.calendarlist.readonly"), "to see which calendars there are"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i][0]) == len && !strncmp(rows[i][0], scope, len))
			return rows[i][1];
	return "asked for";
}

void scopes_missing(const char *granted, const char *asked, struct strbuf *out)
{
	size_t prefix = strlen(SCOPE("")), before = out->len;

	for (const char *p = asked; *p;) {
		size_t n = strcspn(p, " ");

		if (!covered(granted, p, n))
			strbuf_addf(out, "%s%.*s (%s)", out->len > before ? " and " : "",
				    (int)(n - prefix), p + prefix, scope_meaning(p, n));
		p += n;
		p += strspn(p, " ");
	}
}
