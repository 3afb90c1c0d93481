/*
 * Scope-bound release: AUTO(fn) before a declaration calls fn(variable) when the
 * scope ends, on every return. TAKE(p) hands a pointer on and forgets it here.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn) __attribute__((cleanup(fn##_ptr)))
#define DEFINE_AUTO(type, fn)                 \
	static inline void fn##_ptr(type **p) \
	{                                     \
		if (*p)                       \
			fn(*p);               \
	}
/* For a value that lives in the scope itself (struct strbuf sb): fn gets its address. */
#define DEFINE_AUTO_VALUE(type, fn)          \
	static inline void fn##_ptr(type *p) \
	{                                    \
		fn(p);                       \
	}
#define TAKE(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

DEFINE_AUTO(FILE, fclose)

/* AUTO(free) for anything from xmalloc() and friends. */
static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

/* AUTO(close_fd) int fd = -1; */
static inline void close_fd_ptr(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
