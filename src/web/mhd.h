/*
 * libmicrohttpd, loaded when it is first used: commands that serve nobody do not pay for it.
 * Functions are called as mhd->run(daemon), which is MHD_run(daemon).
 */
#ifndef WEB_MHD_H
#define WEB_MHD_H

#include <microhttpd.h>

#include "base/err.h"

#define MHD_FUNCTIONS(X)               \
	X(start_daemon)                \
	X(stop_daemon)                 \
	X(run)                         \
	X(get_timeout)                 \
	X(get_daemon_info)             \
	X(get_connection_info)         \
	X(get_connection_values_n)     \
	X(add_connection)              \
	X(create_response_from_buffer) \
	X(add_response_header)         \
	X(queue_response)              \
	X(destroy_response)            \
	X(is_feature_supported)        \
	X(get_version)

struct mhd {
#define X(name) __typeof__(MHD_##name) *name;
	MHD_FUNCTIONS(X)
#undef X
};

/* Static, the same at every call. ERR_FAILED: it is not installed, or too old. */
int mhd_load(const struct mhd **out, struct err *err);

#endif
