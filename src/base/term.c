#include "base/term.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One code point at s (n bytes left): its length, or 0 when the bytes there are not UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *out)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	uint32_t c;

	if (!len || len > n)
		return 0;
	c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

static bool obeyed(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void term_add_clean(struct strbuf *sb, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t left = strlen(s);

	while (left) {
		uint32_t c = 0;
		size_t n = decode(p, left, &c);

		if (n && (c == '\t' || c == '\n'))
			strbuf_addc(sb, ' ');
		else if (!n || obeyed(c))
			strbuf_adds(sb, "\xef\xbf\xbd");
		else
			strbuf_add(sb, p, n);
		p += n ? n : 1;
		left -= n ? n : 1;
	}
}

char *term_clean(const char *s)
{
	struct strbuf sb = STRBUF_INIT;

	term_add_clean(&sb, s ? s : "");
	return strbuf_detach(&sb);
}

bool term_use_color(FILE *f, enum term_color wish)
{
	const char *no_color = getenv("NO_COLOR");

	if (wish != TERM_AUTO)
		return wish == TERM_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fileno(f));
}

void utf8_repair(char *s)
{
	unsigned char *p = (unsigned char *)s;
	size_t left = strlen(s);

	while (left) {
		uint32_t c;
		size_t n = decode(p, left, &c);

		if (!n)
			*p = '?';
		p += n ? n : 1;
		left -= n ? n : 1;
	}
}

bool utf8_valid(const char *buf, size_t len)
{
	const unsigned char *p = (const unsigned char *)buf;

	while (len) {
		uint32_t c;
		size_t n = decode(p, len, &c);

		if (!n)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* --- typing ------------------------------------------------------------------------------ */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static struct termios shown; /* as the terminal was */
static struct sigaction before[ARRAY_SIZE(ends) + 1];

/* Both are allowed in a signal handler (POSIX); what raise() sends comes after its end, when nobody
 * catches it any more (SA_RESETHAND). */
static void show_and_end(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &shown);
	raise(sig);
}

bool term_hide_typing(void)
{
	const struct sigaction end = {.sa_handler = show_and_end, .sa_flags = SA_RESETHAND};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct termios hidden;

	if (tcgetattr(STDIN_FILENO, &shown))
		return false;
	/* Stopped, it would leave a terminal that shows nothing. */
	sigaction(SIGTSTP, &ignore, &before[ARRAY_SIZE(ends)]);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		sigaction(ends[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(ends[i], &end, NULL);
	}
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ECHONL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	return true;
}

void term_show_typing(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &shown);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &before[i], NULL);
	sigaction(SIGTSTP, &before[ARRAY_SIZE(ends)], NULL);
}
