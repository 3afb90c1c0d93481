/* What SQLite did, in its own machine's steps and in statements: the same on every computer. Include
 * after cmocka.h; steps_watch() before the databases are opened. */
#ifndef TESTS_UNIT_DB_STEPS_H
#define TESTS_UNIT_DB_STEPS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Since steps_reset() */
static int64_t steps_taken;
static int64_t steps_statements;   /* that have steps_text in them */
static int64_t steps_transactions; /* begun */
static int64_t steps_longest;      /* the steps of the longest transaction */

static const char *steps_text;
static int64_t steps_begun; /* when the transaction began */

static int steps_one(void *unused)
{
	(void)unused;
	steps_taken++;
	return 0;
}

static int steps_statement(unsigned what, void *unused, void *statement, void *sql)
{
	(void)what, (void)unused, (void)statement;
	if (steps_text && strstr(sql, steps_text))
		steps_statements++;
	if (!strncmp(sql, "BEGIN", 5)) {
		steps_transactions++;
		steps_begun = steps_taken;
	} else if (!strncmp(sql, "COMMIT", 6) && steps_taken - steps_begun > steps_longest) {
		steps_longest = steps_taken - steps_begun;
	}
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

/* text: of the statements to be counted; NULL = none. */
static inline void steps_reset(const char *text)
{
	steps_taken = steps_statements = steps_transactions = steps_longest = 0;
	steps_text = text;
}

#endif
