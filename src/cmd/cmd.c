#include "cmd/cmd.h"

#include <string.h>

#include "base/banned.h"

#define CMD(n) extern const struct cmd cmd_##n;
#include "cmd/list.h"
#undef CMD

#define CMD(n) &cmd_##n,
const struct cmd *const cmd_table[] = {
#include "cmd/list.h"
	NULL,
};
#undef CMD

static bool same_parent(const struct cmd *c, const char *parent)
{
	return parent ? c->parent && !strcmp(c->parent, parent) : !c->parent;
}

const struct cmd *cmd_find(const char *parent, const char *name)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if (same_parent(*c, parent) && !strcmp((*c)->name, name))
			return *c;
	return NULL;
}

const struct cmd *cmd_default_of(const struct cmd *group)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if (((*c)->flags & CMD_DEFAULT) && same_parent(*c, group->name))
			return *c;
	return NULL;
}

bool cmd_is_group(const struct cmd *c)
{
	return !c->run;
}

#define NEAR_MAX 32

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
size_t cmd_distance(const char *a, const char *b)
{
	size_t d[NEAR_MAX + 1][NEAR_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > NEAR_MAX || nb > NEAR_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[na][nb];
}

const struct cmd *cmd_nearest(const char *parent, const char *word)
{
	const struct cmd *best = NULL;
	size_t best_distance = strlen(word) / 3 + 1; /* farther than this is another word */

	for (const struct cmd *const *c = cmd_table; *c; c++) {
		size_t d;

		if (!same_parent(*c, parent) || ((*c)->flags & CMD_HIDDEN))
			continue;
		d = cmd_distance((*c)->name, word);
		if (d < best_distance || (d == best_distance && !best)) {
			best = *c;
			best_distance = d;
		}
	}
	return best;
}

void cmd_full_name(const struct cmd *c, struct strbuf *out)
{
	strbuf_adds(out, "calsync");
	if (c && c->parent)
		strbuf_addf(out, " %s", c->parent);
	if (c)
		strbuf_addf(out, " %s", c->name);
}
