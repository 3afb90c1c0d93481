#include "cmd/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "secret/secret.h"
#include "base/banned.h"

/* --- findings ---------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 0))) static char *line(const char *fmt, va_list ap)
{
	char text[1000];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	utf8_repair(text); /* names of files, words of libraries; it may have been cut as well */
	return xstrdup(text);
}

void doctor_add(struct doctor *d, const char *check, enum finding_status status, const char *fmt,
		...)
{
	struct finding *f;
	va_list ap;

	d->list = xreallocarray(d->list, d->count + 1, sizeof(*d->list));
	f = &d->list[d->count++];
	*f = (struct finding){.check = check, .status = status};
	va_start(ap, fmt);
	f->message = line(fmt, ap);
	va_end(ap);
}

void doctor_mend(struct doctor *d, const char *fmt, ...)
{
	struct finding *f = &d->list[d->count - 1];
	va_list ap;

	free(f->mend);
	va_start(ap, fmt);
	f->mend = line(fmt, ap);
	va_end(ap);
}

void doctor_drop(struct doctor *d, size_t count)
{
	while (d->count > count) {
		struct finding *f = &d->list[--d->count];

		free(f->message);
		free(f->mend);
	}
}

static void doctor_release(struct doctor *d)
{
	doctor_drop(d, 0);
	free(d->list);
	account_list_release(&d->accounts);
}

DEFINE_AUTO_VALUE(struct doctor, doctor_release)

/* --- output ------------------------------------------------------------------------------ */

static size_t number_of(const struct doctor *d, enum finding_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->list[i].status == status;
	return n;
}

static void print_json(const struct doctor *d)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *findings = json_object_new_array();

	json_set_bool(answer, "success", !number_of(d, FINDING_ERROR));
	json_set(answer, "findings", findings);
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->list[i];
		struct json_object *o = json_object_new_object();

		json_set_str(o, "check", f->check);
		json_set_str(o, "status", finding_status_name(f->status));
		json_set_str(o, "message", f->message);
		json_set_str(o, "mend", f->mend);
		json_object_array_add(findings, o);
	}
	out_json(d->cx, answer);
}

static void print_text(const struct doctor *d)
{
	static const enum out_style styles[] = {
		[FINDING_OK] = OUT_GOOD,
		[FINDING_WARNING] = OUT_WARN,
		[FINDING_ERROR] = OUT_BAD,
		[FINDING_SKIPPED] = OUT_DIM,
	};
	const struct cmd_context *cx = d->cx;

	if (cx->global.quiet)
		return;
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->list[i];
		AUTO(free) char *message = term_clean(f->message);
		AUTO(free) char *mend = term_clean(f->mend);

		out_printf("%s%-7s%s  %-9s  %s\n", out_style_on(cx, styles[f->status]),
			   finding_status_name(f->status), out_style_off(cx), f->check, message);
		if (f->mend)
			out_printf("                    %s-> %s%s\n", out_style_on(cx, OUT_BOLD),
				   mend, out_style_off(cx));
	}
	out_printf("%zu error%s, %zu warning%s\n", number_of(d, FINDING_ERROR),
		   number_of(d, FINDING_ERROR) == 1 ? "" : "s", number_of(d, FINDING_WARNING),
		   number_of(d, FINDING_WARNING) == 1 ? "" : "s");
}

/* 3 when all that is wrong is for `connect` to mend. */
static int exit_status(const struct doctor *d)
{
	size_t errors = number_of(d, FINDING_ERROR), reconnect = 0;

	for (size_t i = 0; i < d->count; i++)
		reconnect += d->list[i].status == FINDING_ERROR && d->list[i].reconnect;
	if (!errors)
		return 0;
	return reconnect == errors ? 3 : 1;
}

static int run_doctor(struct cmd_context *cx, struct err *err)
{
	AUTO(doctor_release)
	struct doctor d = {.cx = cx, .o = cx->opts, .now_ms = clock_now_ms(cx->clock)};

	if (cx->global.db && !*cx->global.db)
		return err_set(err, ERR_USAGE, "--db needs the name of a file");
	doctor_config(&d);
	if (doctor_store(&d, err))
		return -1;
	doctor_network(&d);
	doctor_clock(&d);
	doctor_channel(&d);
	doctor_webhook(&d);
	doctor_timers(&d);
	doctor_libraries(&d);
	if (cx->global.json)
		print_json(&d);
	else
		print_text(&d);
	return exit_status(&d);
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "offline", struct doctor_opts, offline, "ask nothing of the network"),
	OPT_FLAG(0, "quick", struct doctor_opts, quick,
		 "look at the pages of the database, not at its indexes"),
	OPT_END,
};

const struct cmd cmd_doctor = {
	.name = "doctor",
	.synopsis = "[--offline] [--quick]",
	.summary = "find what is wrong with the installation, and how to mend it",
	.help = "Looks at the configuration, the key, the database, the accounts, the network, "
		"the\n"
		"clock, the address for notifications and their database, the timers and the\n"
		"libraries. Nothing is changed, and no token is sent. With -a NAME only that "
		"account is looked at.\n"
		"\n"
		"Exit status: 0 no error (warnings do not count), 1 there are some, 3 when all "
		"that\n"
		"is wrong are accounts that must be connected again.\n",
	.options = options,
	.opts_size = sizeof(struct doctor_opts),
	/* It opens by itself, and goes on without what it cannot open. */
	.run = run_doctor,
};
