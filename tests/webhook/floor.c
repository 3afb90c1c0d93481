/*
 * floor nothing|row|group PORT_FILE DATABASE: the least that a receiver can do, with the libraries
 * of calsync's own. Answers every POST with 204, and before it writes (nothing) nothing, (row) a
 * row in a transaction of its own, (group) a row in a transaction with all that came meanwhile.
 * No header is checked and no message is coalesced. Runs until it is killed.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX 1024

struct waiting {
	struct MHD_Connection *connection;
	const char *channel;
	long long number;
};

static enum { NOTHING, ROW, GROUP } mode;
static sqlite3 *db;
static sqlite3_stmt *insert;
static struct MHD_Response *empty;
static struct waiting waiting[WAITING_MAX];
static size_t waiting_count;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

static void run_sql(const char *sql)
{
	must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

static void write_row(const struct waiting *w)
{
	sqlite3_bind_text(insert, 1, w->channel, -1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 2, w->number);
	must(sqlite3_step(insert) == SQLITE_DONE, "insert");
	sqlite3_reset(insert);
}

static void commit_waiting(void)
{
	run_sql("BEGIN IMMEDIATE");
	for (size_t i = 0; i < waiting_count; i++)
		write_row(&waiting[i]);
	run_sql("COMMIT");
	for (size_t i = 0; i < waiting_count; i++)
		MHD_resume_connection(waiting[i].connection);
	waiting_count = 0;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	static int begun, written;
	const char *number;
	struct waiting w;

	(void)cls, (void)url, (void)method, (void)version, (void)data;
	if (!*state) {
		*state = &begun;
		return MHD_YES;
	}
	*size = 0;
	if (mode != NOTHING && *state == &begun) {
		number = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						     "X-Goog-Message-Number");
		w = (struct waiting){
			.connection = connection,
			.channel = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							       "X-Goog-Channel-ID"),
			.number = number ? strtoll(number, NULL, 10) : 0,
		};
		*state = &written;
		if (mode == ROW) {
			write_row(&w);
		} else {
			must(waiting_count < WAITING_MAX, "too many wait");
			waiting[waiting_count++] = w;
			MHD_suspend_connection(connection);
			return MHD_YES;
		}
	}
	return MHD_queue_response(connection, MHD_HTTP_NO_CONTENT, empty);
}

static void open_database(const char *path)
{
	must(sqlite3_open(path, &db) == SQLITE_OK, path);
	run_sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"CREATE TABLE IF NOT EXISTS message (channel TEXT, number INTEGER)");
	must(sqlite3_prepare_v2(db, "INSERT INTO message VALUES (?, ?)", -1, &insert, NULL) ==
		     SQLITE_OK,
	     "prepare");
}

static void tell_port(int fd, const char *file)
{
	struct sockaddr_in at = {0};
	socklen_t len = sizeof(at);
	FILE *f = fopen(file, "w");

	must(f && !getsockname(fd, (struct sockaddr *)&at, &len), file);
	fprintf(f, "%d\n", ntohs(at.sin_port));
	fclose(f);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct MHD_Daemon *daemon;
	struct pollfd ready = {.events = POLLIN};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	must(argc == 4, "usage: floor nothing|row|group PORT_FILE DATABASE");
	mode = !strcmp(argv[1], "row") ? ROW : !strcmp(argv[1], "group") ? GROUP : NOTHING;
	open_database(argv[3]);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 512), "listen");
	empty = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer,
				  NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_END);
	must(daemon != NULL, "cannot start");
	tell_port(fd, argv[2]);
	ready.fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	for (;;) {
		MHD_UNSIGNED_LONG_LONG timeout;
		bool soon = MHD_get_timeout(daemon, &timeout) == MHD_YES && !timeout;

		poll(&ready, 1, soon ? 0 : 100);
		MHD_run(daemon);
		if (!waiting_count)
			continue;
		commit_waiting();
		MHD_run(daemon); /* the resumed ones: nothing else wakes it for them */
	}
}
