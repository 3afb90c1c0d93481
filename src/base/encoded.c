#include "base/encoded.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define ENCODED_MOST 4 /* times over; more is not looked for: the time stays linear */

static char behind(const char *begin, const char *end, size_t n)
{
	return (size_t)(end - begin) < n ? '\0' : end[-(ptrdiff_t)n];
}

static char of_hex(char high, char low)
{
	const char digits[] = {high, low, '\0'};

	return (char)strtoul(digits, NULL, 16);
}

char encoded_before(const char *begin, const char *end)
{
	char last = behind(begin, end, 1), high = behind(begin, end, 2);
	size_t n = 3;

	while (n < 3 + 2 * ENCODED_MOST && behind(begin, end, n) == '5' &&
	       behind(begin, end, n + 1) == '2')
		n += 2;
	if (isxdigit((unsigned char)last) && isxdigit((unsigned char)high) &&
	    (behind(begin, end, n) == '%' ||
	     (behind(begin, end, 5) == 'u' && behind(begin, end, 6) == '\\')))
		return of_hex(high, last);
	return high == '\\' && last && strchr("bfnrt", last) ? '\n' : last;
}

size_t encoded_char(const char *at, char *out)
{
	size_t n = strspn(at, "\\");

	if (n && at[n] == '/') {
		*out = '/';
		return n + 1;
	}
	if (n && !strncasecmp(at + n, "u00", 3))
		n += 3;
	else if (!n && *at == '%')
		for (n = 1; n < 1 + 2 * ENCODED_MOST && at[n] == '2' && at[n + 1] == '5';)
			n += 2;
	else
		return 0;
	if (!isxdigit((unsigned char)at[n]) || !isxdigit((unsigned char)at[n + 1]))
		return 0;
	*out = of_hex(at[n], at[n + 1]);
	return n + 2;
}

size_t encoded_length(const char *at, char c)
{
	char meant;
	size_t n;

	if (*at == c)
		return 1;
	n = encoded_char(at, &meant);
	return n && meant == c ? n : 0;
}

size_t encoded_blanks(const char *at)
{
	size_t n = 0, more;

	while ((more = encoded_length(at + n, ' ')) || (more = encoded_length(at + n, '\t')))
		n += more;
	return n;
}

size_t quote_at(const char *at, struct quote *out)
{
	size_t n = strspn(at, "\\");

	if (at[n] != '"' && at[n] != '\'')
		return 0;
	*out = (struct quote){at[n], n};
	return n + 1;
}

size_t quoted_length(const char *at, const struct quote *q)
{
	size_t n = 0;

	while (at[n]) {
		size_t escapes = strspn(at + n, "\\");

		n += escapes;
		if (at[n] == q->mark && escapes % (2 * (q->escapes + 1)) == q->escapes)
			return n - q->escapes;
		n += at[n] != '\0';
	}
	return n;
}
