/* What SQLite did, in its own machine's steps and in statements: the same on every computer. Include
 * after cmocka.h; steps_watch() before the store is opened. */
#ifndef TESTS_UNIT_DB_STEPS_H
#define TESTS_UNIT_DB_STEPS_H

#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

static int64_t steps_taken; /* to be set to 0 */
static int64_t statements_run;
static int64_t transactions_begun;

static int steps_one(void *unused)
{
	(void)unused;
	steps_taken++;
	return 0;
}

static int steps_statement(unsigned what, void *unused, void *statement, void *text)
{
	(void)what, (void)unused, (void)statement;
	statements_run++;
	transactions_begun += !strncmp(text, "BEGIN", 5);
	return 0;
}

static int steps_connect(sqlite3 *db, const char **message, const void *api)
{
	(void)message, (void)api;
	sqlite3_progress_handler(db, 1, steps_one, NULL);
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, steps_statement, NULL);
}

/* Every database that is opened from here on. */
static inline void steps_watch(void)
{
	sqlite3_auto_extension((void (*)(void))steps_connect);
}

static inline void steps_reset(void)
{
	steps_taken = statements_run = transactions_begun = 0;
}

#endif
