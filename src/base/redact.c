#include "base/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/encoded.h"
#include "base/banned.h"

#define DIGITS    "0123456789"
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD      LETTERS DIGITS "_"
#define BASE64URL WORD "-"
/* RFC 6750's b64token, and % for one that was encoded. */
#define TOKEN BASE64URL ".~+/=%"

#define SHORT_TOKEN  9
#define BEARER_LEAST 16
#define TOKEN_LEAST  20   /* what Google issues is longer */
#define LONG_WORD    24   /* no word of a sentence */
#define LONG_TOKEN   40   /* no folder's name */
#define JWT_HEAD     1024 /* longer ones are not looked for: the time stays linear */
#define PEM_LINE     64   /* what one is long, but the last; a key of ours, too, in hex digits */

/* A place in the text, and what is shown before it: what was blanked is not looked at again. */
struct here {
	const char *at;
	const char *shown, *shown_end;
};

/* A secret from here: how much of it to keep, and how much behind that to blank. */
struct found {
	size_t keep, blank;
};

static bool begins(const char *at, const char *word)
{
	return !strncasecmp(at, word, strlen(word));
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool is_word(char c)
{
	return is_one_of(c, WORD);
}

/* What a terminal obeys or does not show is no end of a token: it would be a way to split one. */
static bool is_hidden(char c)
{
	unsigned char u = (unsigned char)c;

	return (u && u < ' ' && !strchr("\t\r\n", u)) || u >= 0x7f;
}

static size_t span(const char *at, const char *set)
{
	size_t n = 0;

	while (is_one_of(at[n], set) || is_hidden(at[n]))
		n++;
	return n;
}

/* No word or file's name, or none that is all: a digit, or a capital within. */
static bool is_random(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isdigit((unsigned char)at[i]) ||
		    (i && isupper((unsigned char)at[i]) && isalpha((unsigned char)at[i - 1])))
			return true;
	return false;
}

static bool has_capital(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isupper((unsigned char)at[i]))
			return true;
	return false;
}

static char before(const struct here *h)
{
	return encoded_before(h->shown, h->shown_end);
}

/* A token from here, escaped or not. */
static size_t token_span(const char *at)
{
	size_t n = span(at, TOKEN), more;
	char meant;

	while (at[n] == '\\' && (more = encoded_char(at + n, &meant)) && is_one_of(meant, TOKEN))
		n += more + span(at + n + more, TOKEN);
	return n;
}

/* --- by name ------------------------------------------------------------------------------- */

struct name {
	const char *text; /* a _ may be a - or left out: accessToken */
	bool whole;       /* a part of a longer word is another thing (error_code, pageToken) */
	bool word; /* behind a colon, too, any word may be one, and no sentence needs to stay */
};

static const struct name names[] = {
	{"access_token", false, false},
	{"refresh_token", false, false},
	{"id_token", false, false},
	{"client_secret", false, true},
	{"private_key", true, false},
	{"code_verifier", false, false},
	{"authorization_code", true, false},
	{"auth_code", true, false},
	{"assertion", true, false},
	{"password", false, true},
	{"passwd", false, true},
	{"passphrase", false, true},
	{"token", true, false},
	{"code", true, false},
};

static size_t same_name(const char *at, const char *name)
{
	size_t n = 0;

	for (; *name; name++) {
		if (*name == '_')
			n += at[n] == '_' || at[n] == '-';
		else if (tolower((unsigned char)at[n]) == *name)
			n++;
		else
			return 0;
	}
	return is_word(at[n]) ? 0 : n;
}

/* How long the name here is that a secret may follow; 0: none is. */
static size_t name_length(const struct here *h, const struct name **out)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = same_name(h->at, names[i].text);

		if (!n || (names[i].whole && is_word(before(h))))
			continue;
		*out = &names[i];
		return n;
	}
	return 0;
}

/* "token: not found" is prose, and so is a path: 0. */
static size_t credential_length(const char *at, size_t least)
{
	size_t n = is_one_of(*at, "/.~") ? 0 : token_span(at);

	return n >= least && (n > LONG_TOKEN || is_random(at, n)) ? n : 0;
}

/* An exit status, an answer of HTTP, a door's; of a dress, or an option: no code of a login is that
 * short. In a form or an address it is one, whatever it is. */
static bool is_other_code(const struct here *h, const char *value, size_t len)
{
	if (len <= 6 && strspn(value, DIGITS) >= len)
		return true;
	return is_one_of(before(h), " -") && value[len] != '&' && len < TOKEN_LEAST &&
	       strspn(value, LETTERS) >= len;
}

/* The value without quotes behind `sep`: = or : or, of a name that is no word, a space. */
static size_t bare_length(const struct name *name, const char *at, char sep)
{
	static const char ends[] = "& \t\r\n\"'<>(){}[],;#|\\";
	size_t n, more;
	char meant;

	if (sep != '=' && !(sep == ':' && name->word))
		return credential_length(at, TOKEN_LEAST);
	n = strcspn(at, ends);
	while (at[n] == '\\' && (more = encoded_char(at + n, &meant)) && is_one_of(meant, TOKEN))
		n += more + strcspn(at + n + more, ends);
	return n && at[n - 1] == ':' ? n - 1 : n; /* of the sentence around it */
}

/* NAME=VALUE, NAME="VALUE", "NAME": "VALUE", however often it was encoded or escaped. */
static bool find_named(const struct here *h, struct found *out)
{
	const struct name *name = NULL;
	size_t n = name_length(h, &name), more;
	const char *p = h->at + n;
	struct quote quote = {0};
	char sep = ' ';

	if (!n)
		return false;
	p += (more = quote_at(p, &quote)) ? more : encoded_length(p, '"');
	quote = (struct quote){0};
	n = encoded_blanks(p);
	p += n;
	if ((more = encoded_length(p, '=')))
		sep = '=';
	else if ((more = encoded_length(p, ':')))
		sep = ':';
	else if (!n || name->whole)
		return false;
	p += more;
	p += encoded_blanks(p);
	p += quote_at(p, &quote);
	if (!quote.mark && sep != ' ' && (more = encoded_length(p, '"'))) {
		p += more;
		sep = '=';
	}
	if (!quote.mark && sep == '=')
		p += strspn(p, "([{<|;");
	out->keep = (size_t)(p - h->at);
	out->blank =
		quote.mark && sep != ' ' ? quoted_length(p, &quote) : bare_length(name, p, sep);
	return out->blank > 0 && (strcmp(name->text, "code") || !is_other_code(h, p, out->blank));
}

/* The credentials of an Authorization header; 0: a sentence about one. */
static size_t authorization_length(const char *at, const char *ends)
{
	/* RFC 7235's schemes: those with one word behind them, and those with a list. */
	static const char *const single[] = {"Bearer", "Basic", "OAuth", "Negotiate", "NTLM"};
	static const char *const lists[] = {"Digest ", "GoogleLogin ", "AWS4-HMAC-SHA256 "};
	size_t n = strcspn(at, " \t\r\n\"'");

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (begins(at, lists[i]))
			return strcspn(at, ends);
	for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
		if (n != strlen(single[i]) || !begins(at, single[i]))
			continue;
		n += strspn(at + n, " \t");
		return n + strcspn(at + n, " \t\r\n\"'");
	}
	return n < LONG_TOKEN && is_one_of(at[n], " \t") && is_word(at[n + 1]) ? 0 : n;
}

/* Cookies are NAME=VALUE, and no two spaces are in them. */
static size_t cookie_length(const char *at, const char *ends)
{
	size_t n = strcspn(at, "=;, \t\r\n\"'");

	if (at[n] != '=')
		return 0;
	while (at[n] && !strchr(ends, at[n]) && !(at[n] == ' ' && at[n + 1] == ' '))
		n++;
	return n;
}

static size_t key_length(const char *at, const char *ends)
{
	size_t n = 0;

	while (at[n] && !strchr(ends, at[n]) && !strchr(" \t", at[n]))
		n++;
	return n;
}

static bool find_header(const struct here *h, struct found *out)
{
	static const struct {
		const char *name;
		size_t (*length)(const char *at, const char *ends);
	} headers[] = {
		{"Authorization", authorization_length},
		{"Proxy-Authorization", authorization_length},
		{"Cookie", cookie_length},
		{"Set-Cookie", cookie_length},
		{"X-Goog-Api-Key", key_length},
		{"X-Goog-Channel-Token", key_length},
	};
	char last = before(h);

	if (is_word(last) || last == '-')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		const char *p = h->at + strlen(headers[i].name);

		if (!begins(h->at, headers[i].name))
			continue;
		p += strspn(p, " \t");
		if (*p != ':')
			return false;
		p++;
		p += strspn(p, " \t");
		out->keep = (size_t)(p - h->at);
		/* The quotes around all of it stay. */
		out->blank = headers[i].length(p, last == '"'    ? "\r\n\""
						  : last == '\'' ? "\r\n'"
								 : "\r\n");
		return out->blank > 0;
	}
	return false;
}

/* What follows looks like no word of a sentence. */
static bool find_scheme(const struct here *h, struct found *out)
{
	static const char *const schemes[] = {"Bearer", "Basic"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]), space;

		if (!begins(h->at, schemes[i]) || is_word(before(h)))
			continue;
		space = encoded_blanks(h->at + n);
		if (!space && h->at[n] == '+')
			space = 1;
		out->keep = n + space;
		if (!space)
			return false;
		out->blank = credential_length(h->at + out->keep, BEARER_LEAST);
		if (!out->blank && span(h->at + out->keep, LETTERS) >= LONG_WORD)
			out->blank = token_span(h->at + out->keep);
		return out->blank > 0;
	}
	return false;
}

/* --- by shape ------------------------------------------------------------------------------ */

/* https://user:password@proxy, as libcurl repeats it. */
static bool find_userinfo(const struct here *h, struct found *out)
{
	size_t end, n;

	if (!begins(h->at, "://"))
		return false;
	out->keep = 3;
	end = strcspn(h->at + 3, "/?# \t\r\n\"'<>\\");
	for (n = end; n && h->at[3 + n] != '@';)
		n--;
	out->blank = n;
	return n && memchr(h->at + 3, ':', n);
}

static size_t jwt_length(const char *at)
{
	size_t n = 0, second;

	while (n < JWT_HEAD && is_one_of(at[n], BASE64URL))
		n++;
	if (n < 8 || at[n] != '.')
		return 0;
	second = strspn(at + n + 1, BASE64URL);
	if (second < 8 || (!begins(at + n + 1, "eyJ") && (n < 20 || second < 20)))
		return 0;
	return n + 1 + second + span(at + n + 1 + second, TOKEN);
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

/*
 * A refresh token 1//0… (of old: 1/…), a code 4/0… (of old: 4/…). They have no slash of their own, so
 * that folders and dates are none; and they are mixed as no name is.
 */
static size_t slashed_length(const struct here *h)
{
	const char *p = h->at + 1;
	char last = before(h);
	size_t n;

	if (!is_one_of(*h->at, "14") || !(n = encoded_length(p, '/')))
		return 0;
	p += n;
	p += *h->at == '1' ? encoded_length(p, '/') : 0;
	n = span(p, BASE64URL);
	if (is_word(last) || is_one_of(last, "/.-~")) {
		if (n < LONG_TOKEN)
			return 0;
	} else if (n < TOKEN_LEAST) {
		/* Short ones: those that say what they are, with a capital. */
		if (*p != '0' || n < SHORT_TOKEN || !has_capital(p, n))
			return 0;
	}
	return is_random(p + 1, n - 1) ? (size_t)(p - h->at) + token_span(p) : 0;
}

/*
 * What is 64 letters and digits and nothing else: a key of ours, or a line of a PEM block without the
 * ones around it. Their like, an address before its @ or a digest, would be a part of a longer word,
 * or is as well blanked.
 */
static size_t line_length(const struct here *h)
{
	static const char base64[] = LETTERS DIGITS "+/";
	size_t n, lower = 0, upper = 0, digits = 0;
	char last = before(h);

	if (is_one_of(last, TOKEN) && last != '=')
		return 0;
	n = strspn(h->at, base64);
	if (n != PEM_LINE || is_one_of(h->at[n], TOKEN "@") || encoded_length(h->at + n, '@'))
		return 0;
	if (strspn(h->at, DIGITS "abcdefABCDEF") >= n)
		return n;
	for (size_t i = 0; i < n; i++) {
		lower += islower((unsigned char)h->at[i]) != 0;
		upper += isupper((unsigned char)h->at[i]) != 0;
		digits += isdigit((unsigned char)h->at[i]) != 0;
	}
	return lower && upper && digits ? n : 0;
}

static bool find_shape(const struct here *h, struct found *out)
{
	static const char *const prefixes[] = {"ya29.", "GOCSPX-"};

	*out = (struct found){.blank = slashed_length(h)};
	if (!out->blank && begins(h->at, "-----BEGIN ") && strnlen(h->at, 23) > 22)
		out->blank = pem_length(h->at);
	if (!out->blank && begins(h->at, "eyJ") && !is_word(before(h)))
		out->blank = jwt_length(h->at);
	if (!out->blank)
		out->blank = line_length(h);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && !out->blank; i++) {
		size_t n = strlen(prefixes[i]);
		size_t more = begins(h->at, prefixes[i]) ? token_span(h->at + n) : 0;

		out->blank = more >= 4 ? n + more : 0;
	}
	return out->blank > 0;
}

void redact(char *text)
{
	char *to = text;

	for (const char *at = text; *at;) {
		struct here h = {at, text, to};
		struct found f;

		if (!find_header(&h, &f) && !find_named(&h, &f) && !find_scheme(&h, &f) &&
		    !find_userinfo(&h, &f) && !find_shape(&h, &f)) {
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
