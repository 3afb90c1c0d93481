#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/redact.h"
#include "base/term.h"

/* See err.h: the macros that tell what they return. */
#undef err_set
#undef err_wrap

static void drop_half_character(char *msg, size_t len)
{
	size_t start = len;

	while (start && len - start < 4 && ((unsigned char)msg[start - 1] & 0xc0) == 0x80)
		start--;
	if (start && (unsigned char)msg[start - 1] >= 0xc0) {
		unsigned char lead = (unsigned char)msg[--start];
		size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

		if (len - start < need)
			msg[start] = '\0';
	}
}

/* One line of valid UTF-8 without a secret in it: what did not fit, or came from elsewhere, must not
 * spoil the JSON, the log or the row of the store that the message goes into. */
static void tidy(char *msg)
{
	size_t len = strlen(msg);
	bool is_cut = len + 1 == sizeof(((struct err *)0)->msg);

	for (size_t i = 0; i < len; i++)
		if (msg[i] == '\n' || msg[i] == '\r')
			msg[i] = ' ';
	if (is_cut)
		drop_half_character(msg, len);
	redact(msg);
	utf8_repair(msg);
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)]; /* the arguments may point into err->msg */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	tidy(msg);
	memset(err, 0, sizeof(*err));
	err->code = code;
	memcpy(err->msg, msg, sizeof(msg));
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n < sizeof(msg))
		snprintf(msg + n, sizeof(msg) - (size_t)n, ": %s", err->msg);
	tidy(msg);
	memcpy(err->msg, msg, sizeof(msg));
	return -1;
}

const char *err_name(enum err_code code)
{
	switch (code) {
#define X(c, name, status) \
	case c:            \
		return name;
		ERR_CODES(X)
#undef X
	}
	return "failed";
}

int err_exit_status(enum err_code code)
{
	switch (code) {
#define X(c, name, status) \
	case c:            \
		return status;
		ERR_CODES(X)
#undef X
	}
	return 1;
}
