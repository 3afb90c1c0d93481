/* calsync-sandbox: the fake Google behind an HTTP port, for the demo, bats and benchmarks. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "deliver.h"
#include "fg.h"
#include "server.h"

#include "base/banned.h"

#define MAX_WAIT_MS 1000

static const char usage[] =
	"usage: calsync-sandbox [options]\n"
	"  --listen ADDR:PORT       where to listen (127.0.0.1:0; port 0 takes a free one)\n"
	"  --port-file FILE         write the port there once it listens\n"
	"  --load FILE...           event JSON for the first account\n"
	"  --account EMAIL          the first account (user1@example.com)\n"
	"  --timezone ZONE          of its calendar (Europe/Berlin)\n"
	"  --now RFC3339            a clock of its own that stands still there\n"
	"  --seed N                 for its ids and tokens (1)\n"
	"  --latency MS             hold every answer back\n"
	"  --service-account FILE   a key file whose JWTs are accepted (repeatable)\n"
	"  --allow-http-webhook     accept http:// webhooks at loopback addresses\n";

enum {
	OPT_LISTEN = 256,
	OPT_PORT_FILE,
	OPT_LOAD,
	OPT_ACCOUNT,
	OPT_TIMEZONE,
	OPT_NOW,
	OPT_SEED,
	OPT_LATENCY,
	OPT_SERVICE,
	OPT_HTTP,
	OPT_HELP
};

static const struct option options[] = {
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"port-file", required_argument, NULL, OPT_PORT_FILE},
	{"load", required_argument, NULL, OPT_LOAD},
	{"account", required_argument, NULL, OPT_ACCOUNT},
	{"timezone", required_argument, NULL, OPT_TIMEZONE},
	{"now", required_argument, NULL, OPT_NOW},
	{"seed", required_argument, NULL, OPT_SEED},
	{"latency", required_argument, NULL, OPT_LATENCY},
	{"service-account", required_argument, NULL, OPT_SERVICE},
	{"allow-http-webhook", no_argument, NULL, OPT_HTTP},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

struct files {
	const char **list; /* owned; the names are argv's */
	size_t count;
};

struct args {
	struct fg_options fg;
	const char *listen, *port_file;
	struct files loads, services;
};

static void files_add(struct files *files, const char *name)
{
	files->list = xreallocarray(files->list, files->count + 1, sizeof(*files->list));
	files->list[files->count++] = name;
}

static int take_number(const char *text, const char *name, uint64_t *out, struct err *err)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || !*text || *end || *text == '-')
		return err_set(err, ERR_USAGE, "--%s wants a number, not '%s'", name, text);
	return 0;
}

static int take_now(const char *text, int64_t *out, struct err *err)
{
	struct rfc3339 t;

	if (rfc3339_parse(text, &t, err))
		return err_wrap(err, "--now");
	if (!t.has_offset)
		return err_set(err, ERR_USAGE, "--now needs an offset: '%s'", text);
	*out = t.utc * 1000 + t.ms;
	return 0;
}

static int take_option(struct args *args, int option, struct err *err)
{
	uint64_t n;

	switch (option) {
	case OPT_LISTEN:
		args->listen = optarg;
		return 0;
	case OPT_PORT_FILE:
		args->port_file = optarg;
		return 0;
	case OPT_LOAD:
		files_add(&args->loads, optarg);
		return 0;
	case OPT_SERVICE:
		files_add(&args->services, optarg);
		return 0;
	case OPT_ACCOUNT:
		args->fg.account = optarg;
		return 0;
	case OPT_TIMEZONE:
		args->fg.time_zone = optarg;
		return zone_valid(optarg) ? 0
					  : err_set(err, ERR_USAGE, "unknown zone '%s'", optarg);
	case OPT_NOW:
		return take_now(optarg, &args->fg.now_ms, err);
	case OPT_SEED:
		return take_number(optarg, "seed", &args->fg.seed, err);
	case OPT_LATENCY:
		if (take_number(optarg, "latency", &n, err))
			return -1;
		args->fg.latency_ms = (int64_t)n;
		return 0;
	case OPT_HTTP:
		args->fg.allow_http_webhook = true;
		return 0;
	default:
		return err_set(err, ERR_USAGE, "try 'calsync-sandbox --help'");
	}
}

/* -- files ---------------------------------------------------------------------------------- */

static int read_file(const char *name, struct strbuf *out, struct err *err)
{
	AUTO(fclose) FILE *f = fopen(name, "re");
	char chunk[65536];
	size_t n;

	if (!f)
		return err_set(err, ERR_FAILED, "cannot open '%s': %s", name, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		strbuf_add(out, chunk, n);
	if (ferror(f))
		return err_set(err, ERR_FAILED, "cannot read '%s'", name);
	return 0;
}

static int load_all(struct fg *fg, const struct files *files,
		    int (*take)(struct fg *, const char *, size_t, struct err *), struct err *err)
{
	for (size_t i = 0; i < files->count; i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

		if (read_file(files->list[i], &text, err))
			return -1;
		if (take(fg, text.buf, text.len, err))
			return err_wrap(err, "%s", files->list[i]);
	}
	return 0;
}

/* Atomically: whoever waits for the file finds a whole number in it. */
static int write_port_file(const char *name, int port, struct err *err)
{
	AUTO(free) char *temp = xasprintf("%s.tmp", name);
	FILE *f = fopen(temp, "we");

	if (!f)
		return err_set(err, ERR_FAILED, "cannot create '%s': %s", temp, strerror(errno));
	fprintf(f, "%d\n", port);
	if (fclose(f) || rename(temp, name))
		return err_set(err, ERR_FAILED, "cannot write '%s': %s", name, strerror(errno));
	return 0;
}

/* -- the socket ----------------------------------------------------------------------------- */

static int parse_address(const char *text, struct sockaddr_storage *out, socklen_t *len,
			 struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const char *colon = strrchr(text, ':');
	AUTO(free) char *host = NULL;
	struct err ignored;
	uint64_t port;

	if (!colon || take_number(colon + 1, "listen", &port, &ignored) || port > 65535)
		return err_set(err, ERR_USAGE, "--listen wants ADDR:PORT, not '%s'", text);
	memset(out, 0, sizeof(*out));
	if (*text == '[' && colon > text + 1 && colon[-1] == ']') {
		host = xstrndup(text + 1, (size_t)(colon - text - 2));
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*v6);
		if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
			return 0;
	} else {
		host = xstrndup(text, (size_t)(colon - text));
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
		if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
			return 0;
	}
	return err_set(err, ERR_USAGE, "--listen wants a numeric address, not '%s'", host);
}

static int listen_at(const char *text, int *out_fd, int *out_port, struct err *err)
{
	struct sockaddr_storage address;
	AUTO(close_fd) int fd = -1;
	socklen_t len;
	int on = 1;

	if (parse_address(text, &address, &len, err))
		return -1;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return err_set(err, ERR_FAILED, "cannot listen at %s: %s", text, strerror(errno));
	*out_port =
		ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						    : ((struct sockaddr_in *)&address)->sin_port);
	*out_fd = fd;
	fd = -1;
	return 0;
}

/* -- run ------------------------------------------------------------------------------------ */

static int signals_open(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		abort();
	return fd;
}

static void loop(struct server *server, struct deliver *deliver, struct fg *fg, int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
		int fds[] = {server_fd(server), signal_fd};
		int64_t wait = server_timeout_ms(server);
		int64_t due = fg_next_due_ms(fg);

		if (wait < 0 || wait > MAX_WAIT_MS)
			wait = MAX_WAIT_MS;
		if (due >= 0 && due < wait)
			wait = due;
		deliver_wait(deliver, fds, ARRAY_SIZE(fds), wait);
		server_run(server);
		deliver_run(deliver);
	}
}

static int run(const struct args *args, struct err *err)
{
	struct server *server;
	struct deliver *deliver;
	AUTO(free) char *base_url = NULL;
	AUTO(close_fd) int signal_fd = -1;
	struct fg_options fg_options = args->fg;
	struct fg *fg;
	int fd, port, r;

	if (listen_at(args->listen, &fd, &port, err))
		return -1;
	server = server_new(fd, err);
	if (!server)
		return -1;
	signal_fd = signals_open();
	base_url = xasprintf("http://%.*s:%d", (int)(strrchr(args->listen, ':') - args->listen),
			     args->listen, port);
	fg_options.base_url = base_url;
	fg = fg_new(&fg_options);
	server_attach(server, fg);
	deliver = deliver_new(fg);
	r = load_all(fg, &args->services, fg_service_account_add, err) ||
			    load_all(fg, &args->loads, fg_load, err) ||
			    (args->port_file && write_port_file(args->port_file, port, err))
		    ? -1
		    : 0;
	if (!r) {
		printf("calsync-sandbox listens at %s\n", base_url);
		fflush(stdout);
		loop(server, deliver, fg, signal_fd);
	}
	server_free(server);
	deliver_free(deliver);
	fg_free(fg);
	return r;
}

int main(int argc, char **argv)
{
	struct args args = {.listen = "127.0.0.1:0"};
	struct err err = {0};
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			free(args.loads.list);
			free(args.services.list);
			return 0;
		}
		r = take_option(&args, option, &err);
	}
	/* --load takes all the names after it: a shell's list of files. */
	for (; !r && optind < argc; optind++) {
		if (args.loads.count)
			files_add(&args.loads, argv[optind]);
		else
			r = err_set(&err, ERR_USAGE, "unexpected argument '%s'", argv[optind]);
	}
	if (!r)
		r = run(&args, &err);
	if (r)
		fprintf(stderr, "calsync-sandbox: %s\n", err.msg);
	free(args.loads.list);
	free(args.services.list);
	return r ? err_exit_status(err.code) : 0;
}
