/* Tables by libsmartcols (util-linux). Rows are collected first, since widths need them all. */
#include "cmd/output.h"

#include <libsmartcols.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "base/banned.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	size_t next_cell;
	bool tty, color;
};

static void must(int rc)
{
	if (rc) { /* -ENOMEM is all that can happen here */
		fputs("calsync: out of memory\n", stderr);
		abort();
	}
}

/* Widths of characters come from libc: our text is UTF-8 whatever LC_ALL says. */
static void use_utf8(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}

struct table *table_new(const struct cmd_context *cx)
{
	struct table *t = xcalloc(1, sizeof(*t));

	use_utf8();
	t->tty = isatty(STDOUT_FILENO);
	t->color = out_color(cx);
	t->scols = scols_new_table();
	must(!t->scols);
	scols_table_enable_colors(t->scols, t->color);
	scols_table_enable_nowrap(t->scols, 1);
	scols_table_enable_noencoding(t->scols, 1); /* cells are clean already */
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	scols_unref_table(t->scols);
	free(t);
}

void table_column(struct table *t, const char *title, unsigned flags)
{
	int f = 0;

	if (flags & TABLE_RIGHT)
		f |= SCOLS_FL_RIGHT;
	if ((flags & TABLE_CUT) && t->tty)
		f |= SCOLS_FL_TRUNC;
	must(!scols_table_new_column(t->scols, title, 0, f));
}

void table_row(struct table *t)
{
	t->line = scols_table_new_line(t->scols, NULL);
	must(!t->line);
	t->next_cell = 0;
}

void table_cell_styled(struct table *t, const char *text, enum out_style style)
{
	static const char *const names[] = {
		[OUT_PLAIN] = NULL,    [OUT_BOLD] = "bold", [OUT_GOOD] = "green",
		[OUT_WARN] = "yellow", [OUT_BAD] = "red",   [OUT_DIM] = "halfbright",
	};
	size_t n = t->next_cell++;
	char *clean = term_clean(text);

	must(scols_line_refer_data(t->line, n, clean));
	if (t->color && names[style] && *clean)
		must(scols_cell_set_color(scols_line_get_cell(t->line, n), names[style]));
}

void table_cell(struct table *t, const char *text)
{
	table_cell_styled(t, text, OUT_PLAIN);
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char buf[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	table_cell(t, buf);
}

void table_print(struct table *t)
{
	if (!scols_table_get_nlines(t->scols))
		return;
	/* No terminal: as wide as the widest row, so that nothing is ever cut. */
	if (!t->tty) {
		scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
		scols_table_enable_maxout(t->scols, 0);
	}
	scols_table_set_stream(t->scols, stdout);
	must(scols_print_table(t->scols));
}
