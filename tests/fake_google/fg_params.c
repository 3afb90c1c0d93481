/* URLs, queries and form bodies. */
#include "fg_edge.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *fg_url_decode(const char *s, size_t len, bool plus_is_space)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '+' && plus_is_space) {
			out[n++] = ' ';
		} else if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 &&
			   hex_digit(s[i + 2]) >= 0) {
			char c = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));

			/* %00 would cut the text short: keep it visible instead. */
			out[n++] = c ? c : '?';
			i += 2;
		} else {
			out[n++] = s[i];
		}
	}
	out[n] = '\0';
	return out;
}

void fg_params_parse(const char *text, size_t len, struct fg_param **list, size_t *count)
{
	const char *end = text + len;

	while (text < end) {
		const char *amp = memchr(text, '&', (size_t)(end - text));
		const char *stop = amp ? amp : end;
		const char *eq = memchr(text, '=', (size_t)(stop - text));
		const char *name_end = eq ? eq : stop;
		struct fg_param *p;

		if (stop > text) {
			*list = xreallocarray(*list, *count + 1, sizeof(**list));
			p = &(*list)[(*count)++];
			p->name = fg_url_decode(text, (size_t)(name_end - text), true);
			p->value = eq ? fg_url_decode(eq + 1, (size_t)(stop - eq - 1), true)
				      : xstrdup("");
		}
		text = stop + 1;
	}
}

void fg_params_free(struct fg_param *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].name);
		free(list[i].value);
	}
	free(list);
}

const char *fg_params_get(const struct fg_param *list, size_t count, const char *name)
{
	while (count--)
		if (!strcmp(list[count].name, name))
			return list[count].value;
	return NULL;
}

const char *fg_url_target(const char *url)
{
	const char *p = strstr(url, "://");

	if (*url == '/' || !p)
		return url;
	p += 3;
	p += strcspn(p, "/?");
	return *p ? p : "/";
}

const char *fg_param(const struct fg_call *call, const char *name)
{
	return fg_params_get(call->params, call->nparams, name);
}

const char *fg_param_n(const struct fg_call *call, const char *name, size_t n)
{
	for (size_t i = 0; i < call->nparams; i++)
		if (!strcmp(call->params[i].name, name) && !n--)
			return call->params[i].value;
	return NULL;
}

static int fail_param_value(struct fg_call *call, const char *name, const char *value,
			    const char *form)
{
	AUTO(free)
	char *message = xasprintf("Invalid value for: %s. Invalid format: \"%s\"", form, value);

	return fg_fail_param(call, message, name);
}

int fg_param_bool(struct fg_call *call, const char *name, bool *out)
{
	const char *value = fg_param(call, name);

	if (!value)
		return 0;
	if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
		return fail_param_value(call, name, value, "Boolean");
	*out = !strcasecmp(value, "true");
	return 0;
}

int fg_param_int(struct fg_call *call, const char *name, int64_t min, int64_t *out)
{
	const char *value = fg_param(call, name);
	long long n;
	char *end;

	if (!value)
		return 0;
	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno || !*value || *end || isspace((unsigned char)*value) || n > INT32_MAX)
		return fail_param_value(call, name, value, "Integer");
	if (n < min) {
		AUTO(free)
		char *message = xasprintf("Invalid value '%lld'. Values must be within the range: "
					  "[%lld, 2147483647]",
					  n, (long long)min);

		return fg_fail_param(call, message, name);
	}
	*out = n;
	return 0;
}
