#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/redact.h"
#include "base/strbuf.h"
#include "base/term.h"

static int level;

void log_set_level(int new_level)
{
	level = new_level;
}

int log_level(void)
{
	return level;
}

/* One write per line, so that parallel jobs do not mix theirs; server text is made harmless. */
__attribute__((format(printf, 3, 0))) static void emit(const char *prefix, const char *area,
						       const char *fmt, va_list ap)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	char msg[1000];

	vsnprintf(msg, sizeof(msg), fmt, ap);
	redact(msg);
	strbuf_addf(&line, "calsync: %s", prefix);
	if (level >= 2)
		strbuf_addf(&line, "%s: ", area);
	term_add_clean(&line, msg);
	strbuf_addc(&line, '\n');
	fputs(line.buf, stderr);
}

#define LOG_FN(name, min, prefix)                         \
	void name(const char *area, const char *fmt, ...) \
	{                                                 \
		va_list ap;                               \
                                                          \
		if (level < (min))                        \
			return;                           \
		va_start(ap, fmt);                        \
		emit(prefix, area, fmt, ap);              \
		va_end(ap);                               \
	}

LOG_FN(log_error, -2, "")
LOG_FN(log_warn, 0, "warning: ")
LOG_FN(log_note, 0, "")
LOG_FN(log_info, 1, "")
LOG_FN(log_debug, 2, "debug: ")
