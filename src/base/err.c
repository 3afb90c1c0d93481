#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* See err.h: the macros that tell what they return. */
#undef err_set
#undef err_wrap

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)]; /* the arguments may point into err->msg */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
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
