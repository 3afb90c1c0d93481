#include "cover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/banned.h"

struct cover *cover;

void cover_share(void)
{
	cover = mmap(NULL, sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (cover == MAP_FAILED)
		abort();
}

static const char *seen_words(int i)
{
	static const char *const words[] = {
#define X(id, words) words,
		SIM_EVENTS(X)
#undef X
	};

	return words[i];
}

static int line(FILE *out, const char *what, const char *name, uint64_t n)
{
	fprintf(out, "# %-9s %9" PRIu64 "  %s%s\n", what, n, name, n ? "" : "   <-- NEVER");
	return n == 0;
}

int cover_print(FILE *out)
{
	int never = 0;

	for (int i = 0; i < OP_KINDS; i++)
		never += line(out, "op", op_words((enum op_kind)i), cover->ops[i]);
	for (int i = 0; i < FAULT_KINDS; i++)
		never += line(out, "fault", fault_words((enum fault_kind)i), cover->faults[i]);
	for (int i = 0; i < POINT_KINDS; i++)
		never += line(out, "death at", point_name((enum point)i), cover->points[i]);
	for (int i = 0; i < PLAN_KINDS; i++)
		never += line(out, "plan", plan_action_name((enum plan_action)i), cover->plans[i]);
	for (int i = 0; i < SEEN_KINDS; i++) {
		int missing = line(out, "seen", seen_words(i), cover->seen[i]);

		/* How long a history takes is what comes out, not what was tried: two rounds are
		 * better. */
		if (i != SEEN_THIRD_ROUND)
			never += missing;
	}
	return never;
}
