#include "run.h"

#include <string.h>

#include "cover.h"

#include "base/banned.h"

void run_history(const struct sim_history *h, struct lab *lab, FILE *trace, struct outcome *out)
{
	struct world w;

	world_make(&w, h, lab, trace);
	for (size_t i = 0; i < h->step_count && !w.broken; i++)
		op_any(&w, &h->steps[i].op, &h->steps[i]);
	if (!w.broken)
		world_end(&w);
	COVER(histories);
	out->broken = w.broken;
	snprintf(out->why, sizeof(out->why), "%s", w.why.buf);
	world_release(&w);
}
