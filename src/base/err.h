/*
 * Errors: returned as -1, described once in a struct err that the caller owns,
 * shown once by main.
 *
 * A function that can fail takes `struct err *err` last, never NULL, and
 * touches it only on failure. The code answers "what now?", not "which call?".
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* code, "code" in JSON, exit status. Several codes may share a JSON name: callers inside branch
 * on the finer one, scripts outside see the contract's. */
#define ERR_CODES(X)                                                                            \
	X(ERR_NONE, "none", 0)                                                                  \
	X(ERR_FAILED, "failed", 1)               /* anything that has no better name */         \
	X(ERR_USAGE, "usage", 2)                 /* the command line is wrong */                \
	X(ERR_INVALID, "invalid", 2)             /* the input's content is wrong */             \
	X(ERR_NOT_CONNECTED, "not_connected", 3) /* no login at all */                          \
	X(ERR_TOKEN_EXPIRED, "token_expired", 3) /* the login is dead: ask the user */          \
	X(ERR_NETWORK, "network", 4)             /* no answer, or 5xx: again, later */          \
	X(ERR_RATE_LIMITED, "rate_limited", 4)   /* quota: again, later; see retry_after */     \
	X(ERR_NOT_FOUND, "not_found", 5)         /* no such account, calendar or event */       \
	X(ERR_AMBIGUOUS, "ambiguous", 2)         /* names more than one */                      \
	X(ERR_CONFLICT, "conflict", 6)           /* a person must decide */                     \
	X(ERR_LOCKED, "locked", 1)               /* another process holds the account */        \
	X(ERR_READ_ONLY, "read_only", 1)         /* this calendar or account takes no writes */ \
	X(ERR_MASS_DELETE, "mass_delete", 1)     /* the absence guard stopped a sweep */        \
	X(ERR_SECRET, "secret", 1)               /* keyring, key or sealed value */             \
	X(ERR_STORE, "store", 1)                 /* the database */                             \
	X(ERR_GOOGLE, "google", 1)               /* Google refused: will not pass by itself */  \
	X(ERR_UNAUTHORIZED, "google", 1)         /* 401: refresh the token, once */             \
	X(ERR_FORBIDDEN, "google", 1)            /* 403 that is no quota */                     \
	X(ERR_GONE, "google", 1)                 /* 410, or 404 on an event */                  \
	X(ERR_FULL_SYNC, "google", 1)            /* 410 fullSyncRequired: start over */         \
	X(ERR_DUPLICATE, "google", 1)            /* 409: the id is taken */                     \
	X(ERR_PRECONDITION, "google", 1)         /* 412: the remote moved on */

enum err_code {
#define X(code, name, status) code,
	ERR_CODES(X)
#undef X
};

struct err {
	enum err_code code;
	int http_status; /* Google's answer; 0 = none came */
	int retry_after; /* seconds; 0 = the server gave no hint */
	/* Google's errors[].reason, OAuth's error, http.h's HTTP_FAILED_*, secret.h's KEY_*; "" = none */
	char reason[48];
	char msg[400]; /* one line, no newline; cut short if longer */
};

/* Fill err and return -1 always. Resets http_status, retry_after and reason. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A compiler looks into one file at a time: tell it what err_set() returns, or every
 * `return err_set(...)` looks to it as if it might mean success, with out parameters unset. */
static inline int err_failed(void)
{
	return -1;
}
#define err_set(...) (err_set(__VA_ARGS__), err_failed())

/* Put "context: " before the message, keep everything else; returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define err_wrap(...) (err_wrap(__VA_ARGS__), err_failed())

const char *err_name(enum err_code code); /* the JSON name; static */
int err_exit_status(enum err_code code);

#endif
