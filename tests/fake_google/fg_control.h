/* What the files of the control interface share: fg_control.c (endpoints), fg_config.c,
 * fg_fault.c, fg_log.c. */
#ifndef FG_CONTROL_H
#define FG_CONTROL_H

#include "fg_edge.h"

struct fg_fault_rule {
	int id;
	char *method; /* owned, all strings; NULL = any */
	char *match;  /* substring of "path?query"; "" = all */
	int skip;     /* matches still to let pass */
	int times;    /* hits left; -1 = for ever */
	enum fg_fault_action action;
	enum fg_bend bend;
	int n;
	int status;
	char *domain, *reason, *message;
	int retry_after; /* s */
	int64_t delay_ms;
};

struct fg_rate_use {
	const struct fg_account *account;
	int64_t at_ms;
	int units;
};

struct fg_control_state {
	struct json_object *requests, *violations, *mail; /* arrays, owned */
	int request_count;
	FG_LIST(struct fg_fault_rule) faults;
	int fault_count;
	FG_LIST(struct fg_rate_use) rates;
};

void fg_faults_clear(struct fg_control_state *control);
/* Errors: ERR_INVALID. */
int fg_fault_add(struct fg *fg, const struct json_object *spec, int *out_id, struct err *err);
struct json_object *fg_faults_dump(const struct fg *fg);

/* Set every key of spec, or none. Errors: ERR_INVALID. */
int fg_config_set(struct fg *fg, const struct json_object *spec, struct err *err);
struct json_object *fg_config_dump(const struct fg *fg);

#endif
