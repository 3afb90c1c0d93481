/* One history, from its first step to the verdict. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdio.h>

#include "history.h"
#include "world.h"

struct outcome {
	const char *broken; /* the invariant, static; NULL = all hold */
	char why[600];
};

/* The same history gives the same outcome, always. trace NULL: quietly. */
void run_history(const struct sim_history *h, struct lab *lab, FILE *trace, struct outcome *out);

/*
 * The smallest history found that breaks the same invariant: steps, what happens meanwhile, faults
 * and deaths are taken out as long as it still breaks, stores, calendars and odd settings given up.
 * runs: called for each try, as run_history() is.
 */
void shrink_history(struct sim_history *h, const char *broken,
		    void (*runs)(const struct sim_history *h, void *arg, struct outcome *out),
		    void *arg);

#endif
