/* `webhookd`: the receiver of Google's notifications. It opens the webhook's own database and
 * nothing else of ours: no store, no key, no token. */
#include "cmd/webhookd.h"

#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "web/hook_check.h"
#include "base/banned.h"

#define LISTEN_DEFAULT      "127.0.0.1:8787"
#define CONNECTIONS_DEFAULT 1024
#define PER_ADDRESS_DEFAULT 64
#define DESCRIPTORS_BESIDE  256 /* database, listeners, those that are being closed */

struct webhookd_opts {
	struct string_list listen;
	const char *metrics, *tls_cert, *tls_key;
	bool no_drain;
	struct int_value connections, per_address;
};

/* Where the environment names the database, no configuration is needed: the receiver's user may
 * not be allowed to read that. */
static int hook_database(struct cmd_context *cx, char **out, struct err *err)
{
	AUTO(config_free) struct config *config = NULL;
	AUTO(free) char *db = NULL;

	if (config_load(cx->global.config, &config, err)) {
		*out = config_webhook_db_path(NULL, NULL);
		if (!*out)
			return -1;
		log_info("webhookd", "going on without the configuration: %s", err->msg);
		return 0;
	}
	if (cx->global.db && !*cx->global.db)
		return err_set(err, ERR_USAGE, "--db needs the name of a file");
	db = config_db_path(config, cx->global.db);
	*out = config_webhook_db_path(config, db);
	return 0;
}

static int check_options(const struct webhookd_opts *o, struct err *err)
{
	if (!o->tls_cert != !o->tls_key)
		return err_set(err, ERR_USAGE, "--tls-cert and --tls-key go together");
	return 0;
}

static int open_metrics(struct webhookd *w, const char *where, struct err *err)
{
	struct listener *l;

	if (!strncmp(where, "unix:", 5))
		return err_set(err, ERR_USAGE, "--metrics takes ADDRESS:PORT");
	if (listen_on(&w->listeners, where, err))
		return -1;
	l = &w->listeners.items[w->listeners.count - 1];
	if (!l->is_loopback)
		return err_set(err, ERR_USAGE,
			       "--metrics %s: only an address of this machine (127.0.0.1, [::1])",
			       where);
	l->is_metrics = true;
	return 0;
}

static int open_listeners(struct webhookd *w, const struct webhookd_opts *o, struct err *err)
{
	if (listen_inherited(&w->listeners, err))
		return -1;
	for (size_t i = 0; i < o->listen.count; i++)
		if (listen_on(&w->listeners, o->listen.items[i], err))
			return -1;
	if (!w->listeners.count && listen_on(&w->listeners, LISTEN_DEFAULT, err))
		return -1;
	for (size_t i = 0; i < w->listeners.count; i++)
		if (!w->listeners.items[i].is_loopback && !o->tls_cert)
			log_warn("webhookd",
				 "%s can be reached from other machines without TLS: Google needs "
				 "https; give --tls-cert and --tls-key, or put a proxy before it",
				 w->listeners.items[i].name);
	return o->metrics ? open_metrics(w, o->metrics, err) : 0;
}

/* As many connections as asked for, or as this process may have open. */
static void fit_descriptors(struct webhookd *w)
{
	size_t limit;

	if (io_allow_open(2 * w->connections + DESCRIPTORS_BESIDE, &limit))
		return;
	w->connections = limit > 2 * DESCRIPTORS_BESIDE ? (limit - DESCRIPTORS_BESIDE) / 2 : 16;
	log_warn("webhookd",
		 "at most %zu connections at a time: this process may have %zu files open "
		 "(LimitNOFILE=)",
		 w->connections, limit);
}

static void make_drain_args(struct cmd_context *cx, struct webhookd *w)
{
	size_t n = 0;

	if (cx->global.config) {
		w->drain_args[n++] = "--config";
		w->drain_args[n++] = cx->global.config;
	}
	if (cx->global.db) {
		w->drain_args[n++] = "--db";
		w->drain_args[n++] = cx->global.db;
	}
	w->drain_args[n++] = "--quiet";
	w->drain_args[n++] = "sync";
	w->drain_args[n++] = "--queued";
	w->drain_args[n] = "--all";
}

static void webhookd_release(struct webhookd *w)
{
	listener_list_release(&w->listeners);
	hook_file_close(w->file);
}
DEFINE_AUTO_VALUE(struct webhookd, webhookd_release)

static int run_webhookd(struct cmd_context *cx, struct err *err)
{
	const struct webhookd_opts *o = cx->opts;
	AUTO(free) char *path = NULL;
	AUTO(webhookd_release)
	struct webhookd w = {
		.clock = cx->clock,
		.connections =
			o->connections.given ? (size_t)o->connections.n : CONNECTIONS_DEFAULT,
		.connections_per_address =
			o->per_address.given ? (size_t)o->per_address.n : PER_ADDRESS_DEFAULT,
		.tls_cert = o->tls_cert,
		.tls_key = o->tls_key,
		.drains = !o->no_drain,
	};

	webhookd_block_signals();
	make_drain_args(cx, &w);
	if (check_options(o, err) || hook_database(cx, &path, err) || open_listeners(&w, o, err) ||
	    hook_file_open(path, &w.file, err))
		return -1;
	fit_descriptors(&w);
	return webhookd_run(&w, err);
}

static const struct option_spec options[] = {
	OPT_STRINGS(0, "listen", struct webhookd_opts, listen, "ADDRESS",
		    "ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH (default " LISTEN_DEFAULT ")"),
	OPT_STRING(0, "tls-cert", struct webhookd_opts, tls_cert, "FILE",
		   "certificate and chain in PEM: TCP speaks TLS"),
	OPT_STRING(0, "tls-key", struct webhookd_opts, tls_key, "FILE", "its private key in PEM"),
	OPT_FLAG(0, "no-drain", struct webhookd_opts, no_drain,
		 "start no sync, leave that to systemd"),
	OPT_STRING(0, "metrics", struct webhookd_opts, metrics, "ADDRESS",
		   "Prometheus metrics at http://ADDRESS" HOOK_METRICS_PATH
		   ", of this machine only"),
	OPT_INT(0, "max-connections", struct webhookd_opts, connections, "N", 1, 65536,
		"connections at a time (default 1024)"),
	OPT_INT(0, "max-per-address", struct webhookd_opts, per_address, "N", 1, 65536,
		"of these from one address (default 64)"),
	OPT_END,
};

const struct cmd cmd_webhookd = {
	.name = "webhookd",
	.synopsis = "[OPTION]...",
	.summary = "receive Google's notifications and sync at once",
	.help = "Answers POST " HOOK_PATH " for the channels that 'calsync\n"
		"watch' has made, 204 once the notification is on disk, and starts 'calsync sync\n"
		"--queued --all' for what waits. GET " HOOK_HEALTH_PATH " says whether it works.\n"
		"\n"
		"SIGHUP reads the certificate again; SIGTERM ends it with 0 within 5 seconds.\n"
		"Sockets that systemd hands over are taken in place of the default address.\n",
	.options = options,
	.opts_size = sizeof(struct webhookd_opts),
	.run = run_webhookd,
};
