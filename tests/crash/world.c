#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fake_google/server.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "folder.h"
#include "store.h"

#include "base/banned.h"

#define HANGS_MS   60000
#define STILL_MS   50
#define OUTPUT_MAX (16 << 20)
/* In the starter: numbers that nothing else has. */
#define PAGE_FD    200
#define STARTER_FD 201

static int system_error(struct err *err, const char *what)
{
	return err_set(err, ERR_FAILED, "%s: %s", what, strerror(errno));
}

/* --- making it ----------------------------------------------------------------------------- */

static int open_port(struct world *w, struct err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->listen_fd < 0 || bind(w->listen_fd, (struct sockaddr *)&address, len) ||
	    listen(w->listen_fd, 128) ||
	    getsockname(w->listen_fd, (struct sockaddr *)&address, &len))
		return system_error(err, "cannot listen at 127.0.0.1");
	w->base_url = xasprintf("http://127.0.0.1:%d", ntohs(address.sin_port));
	return 0;
}

static int open_page(struct world *w, struct err *err)
{
	w->page_fd = memfd_create("calsync-crash", MFD_CLOEXEC);
	if (w->page_fd < 0 || ftruncate(w->page_fd, sizeof(*w->page)))
		return system_error(err, "cannot make a shared page");
	w->page = mmap(NULL, sizeof(*w->page), PROT_READ | PROT_WRITE, MAP_SHARED, w->page_fd, 0);
	if (w->page == MAP_FAILED)
		return system_error(err, "cannot map a shared page");
	return 0;
}

static void make_env(struct world *w, const char *build)
{
	char *const env[] = {
		xasprintf("HOME=%s", w->home),
		xasprintf("XDG_RUNTIME_DIR=%s/run", w->home),
		xasprintf("CALSYNC_GOOGLE_BASE_URL=%s", w->base_url),
		xasprintf("LD_PRELOAD=%s/crash/kill.so", build),
		xasprintf(CRASH_PAGE_ENV "=%d", PAGE_FD),
		xasprintf(CRASH_START_ENV "=%d", STARTER_FD),
		xstrdup("GOOGLE_CLIENT_ID=" CRASH_CLIENT_ID),
		xstrdup("GOOGLE_CLIENT_SECRET=" CRASH_CLIENT_SECRET),
		/* Nobody listens there: what Google announces is lost. */
		xstrdup("BACKEND_URL=http://127.0.0.1:9"),
		xstrdup("PATH=/usr/bin:/bin"),
		/* One of libcurl's libraries tests itself at each start. */
		xstrdup("GNUTLS_NO_IMPLICIT_INIT=1"),
		xstrdup("TZ=Europe/Berlin"),
		xstrdup("LANG=C.UTF-8"),
		/* A sanitizer's run-time library wants to be the first that is loaded. */
		xstrdup("ASAN_OPTIONS=verify_asan_link_order=0:exitcode=99"),
		NULL,
	};

	w->env = xcalloc(ARRAY_SIZE(env), sizeof(*w->env));
	memcpy((void *)w->env, (const void *)env, sizeof(env));
}

static int open_starter(struct world *w, struct err *err)
{
	char *const argv[] = {w->program, NULL};
	posix_spawn_file_actions_t files;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return system_error(err, "cannot make a socket");
	w->starter_fd = pair[0];
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, pair[1], STARTER_FD);
	posix_spawn_file_actions_adddup2(&files, w->page_fd, PAGE_FD);
	rc = posix_spawn(&w->starter, w->program, &files, NULL, argv, w->env);
	posix_spawn_file_actions_destroy(&files);
	close(pair[1]);
	return rc ? err_set(err, ERR_FAILED, "cannot run '%s': %s", w->program, strerror(rc)) : 0;
}

static int start_server(struct world *w, struct err *err)
{
	int fd = fcntl(w->listen_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return system_error(err, "cannot listen");
	w->server = server_new(fd, err);
	if (!w->server)
		return -1;
	server_attach(w->server, w->google.fg);
	return 0;
}

int world_open(struct world *w, const char *build, struct err *err)
{
	AUTO(free) char *run = NULL;

	memset(w, 0, sizeof(*w));
	w->listen_fd = w->page_fd = w->starter_fd = -1;
	w->dir = folder_make(err);
	if (!w->dir)
		return -1;
	w->home = xasprintf("%s/home", w->dir);
	w->kept = xasprintf("%s/kept", w->dir);
	w->probe = xasprintf("%s/probe", w->dir);
	w->program = xasprintf("%s/calsync", build);
	w->refresh_tokens = json_object_new_object();
	run = xasprintf("%s/run", w->home);
	if (io_mkdir_p(run, 0700, err) || open_port(w, err) || open_page(w, err))
		return -1;
	make_env(w, build);
	google_init(&w->google, w->base_url);
	return open_starter(w, err) ? -1 : start_server(w, err);
}

void world_close(struct world *w)
{
	struct err err;

	server_free(w->server);
	if (w->google.fg)
		google_release(&w->google);
	if (w->page)
		munmap(w->page, sizeof(*w->page));
	if (w->starter_fd >= 0)
		close(w->starter_fd); /* it ends */
	if (w->starter > 0)
		waitpid(w->starter, NULL, 0);
	if (w->listen_fd >= 0)
		close(w->listen_fd);
	if (w->page_fd >= 0)
		close(w->page_fd);
	if (w->dir && folder_remove(w->dir, &err))
		fprintf(stderr, "%s\n", err.msg);
	for (char **p = w->env; p && *p; p++)
		free(*p);
	free((void *)w->env);
	json_object_put(w->refresh_tokens);
	free(w->dir);
	free(w->home);
	free(w->kept);
	free(w->probe);
	free(w->program);
	free(w->base_url);
}

int world_keep(struct world *w, struct err *err)
{
	server_free(TAKE(w->server));
	return folder_copy(w->home, w->kept, err);
}

int world_enter(struct world *w, struct err *err)
{
	return folder_copy(w->kept, w->home, err) ? -1 : start_server(w, err);
}

char *world_store(const struct world *w)
{
	return xasprintf("%s/.local/share/calsync/calsync.db", w->home);
}

/* --- words --------------------------------------------------------------------------------- */

/* "@Title" or "@Title_rest": the event's id, and the rest. */
static int resolve(struct world *w, const char *text, char **out, struct err *err)
{
	size_t n = strcspn(text + 1, "_");
	AUTO(free) char *title = xstrndup(text + 1, n);
	AUTO(free) char *id = NULL;

	if (store_id_of(w, title, &id, err))
		return -1;
	if (!id)
		id = google_id_of(&w->google, title);
	if (!id)
		return err_set(err, ERR_FAILED, "there is no event '%s'", title);
	*out = xasprintf("%s%s", id, text + 1 + n);
	return 0;
}

int world_refresh_token(struct world *w, const char *account, struct err *err)
{
	AUTO(free) char *token = google_refresh_token(&w->google, account, err);

	if (!token)
		return -1;
	json_set_str(w->refresh_tokens, account, token);
	return 0;
}

/* argv from words; its stdin goes to a file of its own. */
static int make_argv(struct world *w, char **words, const char *input, char ***out, struct err *err)
{
	char **argv;
	size_t n = 0, used = 1;

	while (words[n])
		n++;
	argv = xcalloc(n + 2, sizeof(*argv));
	argv[0] = xstrdup(w->program);
	*out = argv;
	if (io_write_file(input, "", 0, 0600, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *token;

		if (words[i][0] == '<') {
			if (!json_has(w->refresh_tokens, words[i] + 1) &&
			    world_refresh_token(w, words[i] + 1, err))
				return -1;
			token = json_str(w->refresh_tokens, words[i] + 1);
			if (io_write_file(input, token, strlen(token), 0600, err))
				return -1;
		} else if (!strncmp(words[i], "~/", 2)) {
			argv[used++] = xasprintf("%s%s", w->home, words[i] + 1);
		} else if (words[i][0] != '@') {
			argv[used++] = xstrdup(words[i]);
		} else if (resolve(w, words[i], &argv[used++], err)) {
			return -1;
		}
	}
	return 0;
}

/* --- a process ----------------------------------------------------------------------------- */

/* Ask the starter for one: the texts, each with its NUL. */
static int start(struct world *w, char *const argv[], const char *input, const char *output,
		 const char *errors, pid_t *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf request = STRBUF_INIT;
	uint32_t len = 0;
	int32_t pid;

	strbuf_add(&request, &len, sizeof(len));
	strbuf_add(&request, input, strlen(input) + 1);
	strbuf_add(&request, output, strlen(output) + 1);
	strbuf_add(&request, errors, strlen(errors) + 1);
	for (char *const *p = argv; *p; p++)
		strbuf_add(&request, *p, strlen(*p) + 1);
	len = (uint32_t)(request.len - sizeof(len));
	memcpy(request.buf, &len, sizeof(len));
	if (io_write_all(w->starter_fd, request.buf, request.len) ||
	    read(w->starter_fd, &pid, sizeof(pid)) != sizeof(pid))
		return err_set(err, ERR_FAILED, "the calsync that starts the others is gone");
	*out = pid;
	return 0;
}

/* Wait for the server's sockets, or fd (-1 = none), or so long; then let it work. */
static bool serve(struct world *w, int fd, int64_t wait_ms)
{
	struct pollfd fds[] = {
		{.fd = server_fd(w->server), .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};
	int64_t timeout = server_timeout_ms(w->server);

	if (timeout < 0 || timeout > wait_ms)
		timeout = wait_ms;
	poll(fds, ARRAY_SIZE(fds), (int)timeout);
	server_run(w->server);
	return fds[1].revents != 0;
}

/*
 * What the process had sent when it died lies in the sockets: Google gets all of it. libmicrohttpd
 * may miss the end of a connection that comes together with half of a request; such a one is cut
 * off when nothing has moved for a while.
 */
static int take_the_rest(struct world *w, struct err *err)
{
	struct pollfd more = {.fd = server_fd(w->server), .events = POLLIN};

	while (server_connections(w->server) || poll(&more, 1, 0) > 0) {
		int64_t start = clock_system()->mono_ms(clock_system());

		serve(w, -1, STILL_MS);
		if (clock_system()->mono_ms(clock_system()) - start >= STILL_MS) {
			server_free(TAKE(w->server));
			return start_server(w, err);
		}
	}
	return 0;
}

static int attend(struct world *w, pid_t pid, int *out_status, struct err *err)
{
	int64_t end = clock_system()->mono_ms(clock_system()) + HANGS_MS;
	bool hangs = false;
	int32_t status;

	while (!hangs && !serve(w, w->starter_fd, 1000))
		hangs = clock_system()->mono_ms(clock_system()) > end;
	if (hangs)
		kill(-pid, SIGKILL);
	if (read(w->starter_fd, &status, sizeof(status)) != sizeof(status))
		return err_set(err, ERR_FAILED, "the calsync that starts the others is gone");
	*out_status = status;
	return hangs ? err_set(err, ERR_FAILED, "it hangs") : take_the_rest(w, err);
}

void ending_release(struct ending *e)
{
	strbuf_release(&e->out);
	strbuf_release(&e->errors);
}

static int run_argv(struct world *w, char *const argv[], const char *input, struct kill_point at,
		    struct ending *out, struct err *err)
{
	AUTO(free) char *output = xasprintf("%s/out", w->dir);
	AUTO(free) char *errors = xasprintf("%s/errors", w->dir);
	int status;
	pid_t pid;

	w->page->at = at.at;
	w->page->when = at.when;
	w->page->count = 0;
	if (start(w, argv, input, output, errors, &pid, err) || attend(w, pid, &status, err))
		return -1;
	out->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && at.at &&
		      w->page->count >= at.at;
	out->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	strbuf_reset(&out->out);
	strbuf_reset(&out->errors);
	return io_read_file(output, OUTPUT_MAX, &out->out, err) ||
			       io_read_file(errors, OUTPUT_MAX, &out->errors, err)
		       ? -1
		       : 0;
}

int world_command(struct world *w, const char *words, struct kill_point at, struct ending *out,
		  struct err *err)
{
	AUTO(free) char *input = xasprintf("%s/in", w->dir);
	char **list = words_split(words);
	char **argv = NULL;
	int rc = make_argv(w, list, input, &argv, err);

	if (!rc)
		rc = run_argv(w, argv, input, at, out, err);
	words_free(argv);
	words_free(list);
	return rc ? err_wrap(err, "calsync %s", words) : 0;
}

int ending_check(const struct ending *e, const char *words, uint32_t exits, struct err *err)
{
	if (exits & EXIT_BIT(e->exit_status))
		return 0;
	return err_set(err, ERR_FAILED, "calsync %s: exit status %d: %s%s", words, e->exit_status,
		       e->errors.buf, e->out.buf);
}

int world_run(struct world *w, const char *words, uint32_t exits, struct json_object **out_json,
	      struct err *err)
{
	AUTO(ending_release) struct ending end = {.out = STRBUF_INIT, .errors = STRBUF_INIT};

	if (world_command(w, words, (struct kill_point){0}, &end, err) ||
	    ending_check(&end, words, exits, err))
		return -1;
	if (out_json && json_parse(end.out.buf, end.out.len, out_json, err))
		return err_wrap(err, "calsync %s", words);
	return 0;
}

/* --- statements ---------------------------------------------------------------------------- */

/* "METHOD PATH [JSON]": three texts of which the last may be NULL; freed with words_free(). */
static char **split_request(const char *text)
{
	char **parts = xcalloc(4, sizeof(*parts));

	for (size_t i = 0; i < 2; i++) {
		size_t n = strcspn(text, " ");

		parts[i] = xstrndup(text, n);
		text += n + strspn(text + n, " ");
	}
	if (*text)
		parts[2] = xstrdup(text);
	return parts;
}

static int do_google(struct world *w, const struct statement *st, struct err *err)
{
	char **parts = split_request(st->text);
	char *at = strstr(parts[1], "/@");
	AUTO(free) char *id = NULL;
	int rc = 0;

	if (at) {
		rc = resolve(w, at + 1, &id, err);
		if (!rc) {
			at[1] = '\0';
			char *path = xasprintf("%s%s", parts[1], id);

			free(parts[1]);
			parts[1] = path;
		}
	}
	if (!rc)
		rc = google_call_as(&w->google, st->account, parts[0], parts[1], parts[2], NULL,
				    err);
	words_free(parts);
	return rc;
}

/* "TITLE START [JSON]" */
static int do_event(struct world *w, const struct statement *st, struct err *err)
{
	char **parts = split_request(st->text);
	AUTO(json_object_put) struct json_object *body = NULL;
	struct json_object *start = json_object_new_object();
	struct json_object *end = json_object_new_object();
	char text[RFC3339_LEN];
	struct rfc3339 at;
	int rc;

	rc = rfc3339_parse(parts[1], &at, err);
	if (!rc)
		rc = json_parse(parts[2] ? parts[2] : "{}", parts[2] ? strlen(parts[2]) : 2, &body,
				err);
	if (rc) {
		json_object_put(start);
		json_object_put(end);
	} else {
		json_set_str(body, "summary", parts[0]);
		json_set_str(start, "dateTime", parts[1]);
		json_set_str(start, "timeZone", "Europe/Berlin");
		rfc3339_format(at.utc + 3600, 0, text);
		json_set_str(end, "dateTime", text);
		json_set_str(end, "timeZone", "Europe/Berlin");
		json_set(body, "start", start);
		json_set(body, "end", end);
		rc = google_call_as(&w->google, st->account, "POST", "calendars/primary/events",
				    json_text(body), NULL, err);
	}
	words_free(parts);
	return rc;
}

static int do_sandbox(struct world *w, const struct statement *st, struct err *err)
{
	char **parts = split_request(st->text);
	int rc = google_control(&w->google, parts[0], parts[1], parts[2], NULL, err);

	words_free(parts);
	return rc;
}

int world_statement(struct world *w, const struct statement *st, struct err *err)
{
	switch (st->verb) {
	case VERB_RUN:
		return world_run(w, st->text, st->exits, NULL, err);
	case VERB_EVENT:
		return do_event(w, st, err);
	case VERB_GOOGLE:
		return do_google(w, st, err);
	case VERB_WAIT:
		clock_system()->sleep_ms(clock_system(), strtol(st->text, NULL, 10));
		return 0;
	case VERB_SQL:
		return store_change(w, st->text, err);
	case VERB_STORE:
		return store_load(w, st->text, err);
	default:
		return do_sandbox(w, st, err);
	}
}
