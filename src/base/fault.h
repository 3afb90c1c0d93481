/*
 * Points of effect: the places where a process that dies leaves one state behind, or the next. A
 * test puts a hook there and lets the process seem dead: from the point on which the hook answers
 * true, it answers true to every later one, so each further effect fails, the caller unwinds with
 * errors as it would for a broken disk, and nothing passes any more. That is kill -9 without a
 * process to lose. Without a hook a point costs one comparison.
 *
 *   store.begin      before a transaction begins
 *   store.change     before a statement in it that writes
 *   store.commit     before it is committed
 *   store.committed  behind that: it holds, and whoever asked for it never learns
 *   store.write      before a statement that writes outside of a transaction, and commits itself
 *   store.written    behind that
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

struct fault_hook {
	bool (*dies)(struct fault_hook *hook, const char *point); /* whether nothing passes here */
};

extern struct fault_hook *fault_hook; /* NULL in the product; borrowed */

static inline bool fault_point(const char *point)
{
	return fault_hook != NULL && fault_hook->dies(fault_hook, point);
}

#endif
