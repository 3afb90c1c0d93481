#include "base/redact.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/banned.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD    LETTERS DIGITS "_"
/* RFC 6750's b64token, and % for one that was encoded. */
#define TOKEN LETTERS DIGITS "-._~+/=%"

/* A secret from here: how much of it to keep, and how much behind that to blank. */
struct found {
	size_t keep, blank;
};

static bool begins(const char *at, const char *word)
{
	return !strncasecmp(at, word, strlen(word));
}

static bool is_word(char c)
{
	return c && strchr(WORD, c);
}

/* --- by name ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool whole; /* a part of a longer word is another thing (error_code, pageToken) */
} names[] = {
	{"access_token", false},  {"refresh_token", false}, {"id_token", false},
	{"client_secret", false}, {"private_key", true},    {"code_verifier", false},
	{"assertion", true},      {"password", true},       {"token", true},
	{"code", true},
};

/* How long the name here is that a secret may follow; 0: none is. */
static size_t name_length(const char *text, const char *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i].name);

		if (begins(at, names[i].name) && !is_word(at[n]) &&
		    !(names[i].whole && at > text && is_word(at[-1])))
			return n;
	}
	return 0;
}

/* The length of a string that `quote` ends, escapes and all; cut short, it is what there is. */
static size_t quoted_length(const char *at, const char *quote)
{
	size_t n = 0, len = strlen(quote);

	while (at[n] && strncmp(at + n, quote, len) != 0)
		n += *quote != '\\' && at[n] == '\\' && at[n + 1] ? 2 : 1;
	return n;
}

/* NAME=VALUE, NAME="VALUE", "NAME": "VALUE", and that with its quotes escaped. */
static bool find_named(const char *text, const char *at, struct found *out)
{
	size_t n = name_length(text, at);
	const char *p = at + n, *quote;
	bool equals;

	if (!n)
		return false;
	p += *p == '\\';
	p += *p == '"' || *p == '\'';
	p += strspn(p, " \t");
	equals = *p == '=';
	if (!equals && *p != ':')
		return false;
	p++;
	p += strspn(p, " \t");
	quote = begins(p, "\\\"") ? "\\\"" : *p == '"' ? "\"" : *p == '\'' ? "'" : NULL;
	if (!quote && !equals) /* "token: not found" is prose */
		return false;
	p += quote ? strlen(quote) : 0;
	out->keep = (size_t)(p - at);
	out->blank = quote ? quoted_length(p, quote) : strcspn(p, "& \t\r\n\"'<>(){}[],;#|\\");
	if (!quote && out->blank && p[out->blank - 1] == ':') /* of the sentence around it */
		out->blank--;
	return out->blank > 0;
}

static bool find_header(const char *text, const char *at, struct found *out)
{
	static const char *const headers[] = {"Authorization:", "Proxy-Authorization:", "Cookie:",
					      "Set-Cookie:", "X-Goog-Api-Key:"};

	if (at > text && (is_word(at[-1]) || at[-1] == '-'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		if (!begins(at, headers[i]))
			continue;
		out->keep = strlen(headers[i]);
		out->keep += strspn(at + out->keep, " \t");
		out->blank = strcspn(at + out->keep, "\r\n");
		return out->blank > 0;
	}
	return false;
}

/* What follows looks like no word of a sentence. */
static bool find_scheme(const char *text, const char *at, struct found *out)
{
	static const char *const schemes[] = {"Bearer", "Basic"};

	if (at > text && is_word(at[-1]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (!begins(at, schemes[i]) || (at[n] != ' ' && at[n] != '\t'))
			continue;
		n += strspn(at + n, " \t");
		out->keep = n;
		out->blank = strspn(at + n, TOKEN);
		return out->blank >= 16 || strcspn(at + n, DIGITS) < out->blank;
	}
	return false;
}

/* --- by shape ------------------------------------------------------------------------------ */

static size_t jwt_length(const char *at)
{
	static const char part[] = LETTERS DIGITS "-_";
	size_t n = strspn(at, part), second;

	if (n < 8 || at[n] != '.')
		return 0;
	second = strspn(at + n + 1, part);
	return second < 8 ? 0 : n + 1 + second + strspn(at + n + 1 + second, TOKEN);
}

static size_t pem_length(const char *at)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ";
	const char *title = at + strlen(begin), *close;

	if (!begins(at, begin) || strncmp(title + strcspn(title, "-\r\n") - 11, "PRIVATE KEY", 11))
		return 0;
	close = strstr(at, end);
	if (!close)
		return strlen(at);
	close += strlen(end);
	close += strcspn(close, "-\r\n\"");
	return (size_t)(close - at) + strspn(close, "-");
}

static bool find_shape(const char *text, const char *at, struct found *out)
{
	static const struct {
		const char *begin;
		size_t least; /* behind it */
	} shapes[] = {
		{"ya29.", 4}, {"1//0", 8},   {"1%2F%2F0", 8},
		{"4/0", 10},  {"4%2F0", 10}, {"GOCSPX-", 4},
	};

	*out = (struct found){0};
	if (begins(at, "-----BEGIN ") && strlen(at) > 22)
		out->blank = pem_length(at);
	if (at > text && is_word(at[-1]))
		return out->blank > 0;
	if (begins(at, "eyJ"))
		out->blank = jwt_length(at);
	for (size_t i = 0; i < ARRAY_SIZE(shapes) && !out->blank; i++) {
		size_t n = strlen(shapes[i].begin), more;

		if (!begins(at, shapes[i].begin))
			continue;
		more = strspn(at + n, TOKEN);
		out->blank = more >= shapes[i].least ? n + more : 0;
	}
	return out->blank > 0;
}

void redact(char *text)
{
	char *to = text;

	for (const char *at = text; *at;) {
		/* What was kept is copied already: look behind only in what is left. */
		const char *begin = at > text ? at - 1 : at;
		struct found f;

		if (!find_header(begin, at, &f) && !find_named(begin, at, &f) &&
		    !find_scheme(begin, at, &f) && !find_shape(begin, at, &f)) {
			*to++ = *at++;
			continue;
		}
		memmove(to, at, f.keep);
		to += f.keep;
		at += f.keep + f.blank;
		for (size_t i = 0; i < 3 && i < f.blank; i++)
			*to++ = '*';
	}
	*to = '\0';
}
