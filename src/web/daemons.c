#include "web/daemons.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/banned.h"

#define POOL_BYTES 12288 /* of a connection: request line and headers, then the answer's */

/* TLS 1.2 and 1.3, of these what the system's GnuTLS takes for good. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

enum { PLAIN, TLS, OLD };

static void on_trouble(void *arg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void on_trouble(void *arg, const char *fmt, va_list ap)
{
	struct daemons *d = arg;
	size_t len;

	if (*d->trouble) /* the first says why, what follows only that */
		return;
	vsnprintf(d->trouble, sizeof(d->trouble), fmt, ap);
	for (len = strlen(d->trouble); len && d->trouble[len - 1] == '\n'; len--)
		d->trouble[len - 1] = '\0';
}

/* cert NULL: without TLS. */
static struct MHD_Daemon *start(struct daemons *d, const char *cert, const char *key)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;

	d->trouble[0] = '\0';
	return d->mhd->start_daemon(
		flags | (cert ? MHD_USE_TLS : 0), 0, NULL, NULL, d->on_request, d->arg,
		MHD_OPTION_EXTERNAL_LOGGER, on_trouble, d, MHD_OPTION_URI_LOG_CALLBACK,
		d->on_target, d->arg, MHD_OPTION_NOTIFY_COMPLETED, d->on_request_end, d->arg,
		MHD_OPTION_NOTIFY_CONNECTION, d->on_connection, d->arg,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)d->connections, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, cert ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls,
		MHD_OPTION_END);
}

int daemons_start(struct daemons *d, struct err *err)
{
	d->all[PLAIN] = start(d, NULL, NULL);
	if (!d->all[PLAIN])
		return err_set(err, ERR_FAILED, "cannot start the HTTP server: %s", d->trouble);
	d->count = 1;
	return 0;
}

void daemons_stop(struct daemons *d)
{
	while (d->count)
		d->mhd->stop_daemon(d->all[--d->count]);
}

/* Each is empty within a request's time: only who brings certificate after certificate comes here. */
static void stop_oldest(struct daemons *d)
{
	d->mhd->stop_daemon(d->all[OLD]);
	d->count--;
	memmove(&d->all[OLD], &d->all[OLD + 1], (d->count - OLD) * sizeof(struct MHD_Daemon *));
}

int daemons_set_tls(struct daemons *d, const char *cert, const char *key, struct err *err)
{
	struct MHD_Daemon *fresh;

	if (d->mhd->is_feature_supported(MHD_FEATURE_SSL) != MHD_YES)
		return err_set(err, ERR_FAILED,
			       "this libmicrohttpd is built without TLS; put a proxy before it");
	fresh = start(d, cert, key);
	if (!fresh)
		return err_set(err, ERR_INVALID, "%s",
			       *d->trouble ? d->trouble : "libmicrohttpd does not take them");
	if (d->count == DAEMONS_MAX)
		stop_oldest(d);
	if (d->count > TLS)
		d->all[d->count] = d->all[TLS];
	d->all[TLS] = fresh;
	d->count++;
	return 0;
}

bool daemons_is_old(const struct daemons *d, const struct MHD_Daemon *one)
{
	for (size_t i = OLD; i < d->count; i++)
		if (d->all[i] == one)
			return true;
	return false;
}

void daemons_add(struct daemons *d, bool may_tls, int fd, const struct sockaddr *addr,
		 socklen_t len)
{
	d->mhd->add_connection(d->all[may_tls && d->count > TLS ? TLS : PLAIN], fd, addr, len);
}

size_t daemons_pollfds(const struct daemons *d, struct pollfd fds[DAEMONS_MAX])
{
	for (size_t i = 0; i < d->count; i++)
		fds[i] = (struct pollfd){
			.fd = d->mhd->get_daemon_info(d->all[i], MHD_DAEMON_INFO_EPOLL_FD)
				      ->epoll_fd,
			.events = POLLIN,
		};
	return d->count;
}

int64_t daemons_timeout_ms(const struct daemons *d)
{
	int64_t wait = -1;

	for (size_t i = 0; i < d->count; i++) {
		MHD_UNSIGNED_LONG_LONG ms;

		if (d->mhd->get_timeout(d->all[i], &ms) == MHD_YES)
			clock_sooner(&wait, (int64_t)ms);
	}
	return wait;
}

static bool is_empty(const struct daemons *d, struct MHD_Daemon *one)
{
	return !d->mhd->get_daemon_info(one, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

void daemons_run(struct daemons *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		d->mhd->run(d->all[i]);
	for (size_t i = 0; i < d->count; i++) {
		if (i >= OLD && is_empty(d, d->all[i]))
			d->mhd->stop_daemon(d->all[i]);
		else
			d->all[kept++] = d->all[i];
	}
	d->count = kept;
}
