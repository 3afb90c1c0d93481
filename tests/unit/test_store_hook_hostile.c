/* The webhook's database in the hands of somebody who has taken the receiver over: he can make of
 * the file, and of what lies beside it, whatever he likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/xalloc.h"
#include "store/bell.h"
#include "store/db.h"
#include "store/hook.h"
#include "store_fixture.h"

#define BEARABLE_S 60 /* for a test, with a sanitizer; what has no end takes longer */

static struct hook *hook;
static char hook_file[TEMP_TREE_LEN + 32];

static int fixture_hook(void **state)
{
	if (fixture_folder(state))
		return -1;
	snprintf(hook_file, sizeof(hook_file), "%s/hook.db", folder);
	alarm(BEARABLE_S);
	return hook_open(hook_file, true, &hook, &err);
}

static int fixture_hook_end(void **state)
{
	hook_close(hook);
	hook = NULL;
	alarm(0);
	return fixture_end(state);
}

/* Without any of the product's restrictions. */
static void attack(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(hook_file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void reopened_after(const char *sql)
{
	hook_close(TAKE(hook));
	attack(sql);
}

static void assert_told(const char *what)
{
	if (!strstr(err.msg, what) || !strstr(err.msg, "run 'calsync renew-watches'"))
		fail_msg("no word of '%s' and its mend in: %s", what, err.msg);
}

#define ENDLESS(columns)                                                                      \
	" AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT " columns \
	" FROM c;"
#define ENDLESS_WAKE ENDLESS("n AS calendar_id, n AS ticket, n AS at_ms, 0 AS is_seen")
#define ENDLESS_CHANNEL                                                                          \
	ENDLESS("CAST(n AS TEXT) AS channel_id, n AS calendar_id, zeroblob(32) AS token_hash,"   \
		" NULL AS resource_id, 1 AS created_ms, 1 AS verified_ms, 1 AS last_message_ms," \
		" 1 AS last_number, 1 AS messages")

static const char *const odd_schemas[] = {
	"DROP TABLE channel; CREATE TABLE channel (channel_id, calendar_id, token_hash, "
	"resource_id,"
	" created_ms, verified_ms, last_message_ms, last_number, messages);"
	"INSERT INTO channel VALUES (NULL, 1, zeroblob(32), NULL, 1, 1, 1, 1, 1);",
	"DROP TABLE wake; CREATE VIEW wake" ENDLESS_WAKE,
	"DROP TABLE channel; CREATE VIEW channel" ENDLESS_CHANNEL,
	"CREATE TRIGGER t BEFORE DELETE ON wake BEGIN SELECT raise(ABORT, 'no'); END;",
	"CREATE INDEX i ON wake (at_ms);",
	"CREATE TABLE more (a);",
	"ALTER TABLE wake ADD COLUMN g INTEGER AS (ticket + 1);",
	"DROP TABLE next_try;",
	"DROP TABLE owner;",
	"PRAGMA user_version = 1;",
	"DROP TABLE owner; CREATE TABLE more (a); PRAGMA user_version = 1;",
	"DROP TABLE next_try; CREATE VIRTUAL TABLE next_try USING fts5(at_ms);",
	"ANALYZE;",
	"PRAGMA user_version = 0;",
	"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || char(0) || 'x';",
	"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'nonsense';",
	"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2;",
};

static void test_hostile__any_other_schema_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd_schemas); i++) {
		reopened_after(odd_schemas[i]);
		if (!hook_open(hook_file, false, &hook, &err)) {
			assert_non_null(strstr(odd_schemas[i], "rootpage"));
			/* What only the pages show is seen by who reads them. */
			assert_true(hook_wake_add(hook, 7, 5000, &err) ||
				    hook_next_set(hook, 5000, &err));
		}
		if (!strstr(err.msg, "run 'calsync renew-watches'"))
			fail_msg("%s: %s", odd_schemas[i], err.msg);
		assert_int_equal(fixture_hook_end(state), 0);
		assert_int_equal(fixture_hook(state), 0);
	}
}

/* Made by an earlier calsync. */
static void test_hostile__one_without_an_owner_gets_the_table(void **state)
{
	(void)state;
	OK(hook_wake_add(hook, 7, 5000, &err));
	reopened_after("DROP TABLE owner; PRAGMA user_version = 1;");
	OK(hook_open(hook_file, false, &hook, &err));
	reopened_after("INSERT INTO owner VALUES ('a b');");
	OK(hook_open(hook_file, false, &hook, &err));
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	FAILS(ERR_STORE, hook_check_owner(hook, store, &err));
	assert_told("its owner makes no sense");
}

/* He need not wait until nobody has the file open. */
static void test_hostile__a_schema_that_changes_later_has_an_end(void **state)
{
	AUTO(hook_channel_list_release) struct hook_channel_list channels = {0};
	struct hook_wake *wakes = NULL;
	struct hook_channel channel;
	bool found;
	size_t n;

	(void)state;
	OK(hook_wake_add(hook, 7, 5000, &err));
	attack("DROP TABLE wake; CREATE VIEW wake" ENDLESS_WAKE
	       "DROP TABLE channel; CREATE VIEW channel" ENDLESS_CHANNEL);
	FAILS(ERR_STORE, hook_wake_look(hook, &wakes, &n, &err));
	FAILS(ERR_STORE, hook_wake_list(hook, &wakes, &n, &err));
	FAILS(ERR_STORE, hook_channel_list(hook, &channels, &err));
	FAILS(ERR_STORE, hook_channel_get(hook, "one", &channel, &found, &err));
	assert_told("");
}

static void test_hostile__a_statement_takes_so_many_steps(void **state)
{
	static const struct db_bounds bounds = {65536, 100000, "run 'calsync renew-watches'"};
	AUTO(db_close) struct db *db = NULL;
	AUTO(stmt_done) struct stmt *st = NULL;
	struct db_header header;
	int status;

	(void)state;
	OK(db_open_wary(hook_file, false, &bounds, &db, &header, &err));
	for (int i = 0; i < 100; i++) /* of each statement, not of all together */
		OK(db_exec(db,
			   "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT"
			   " 2000) SELECT max(n) FROM c",
			   &err));
	OK(db_prepare(db,
		      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
		      " SELECT n FROM c",
		      &st, &err));
	do
		status = stmt_step(st, &err);
	while (status == 1);
	assert_int_equal(status, -1);
	assert_told("holds far more than it should");
}

/* --- rows -------------------------------------------------------------------------------- */

/* A table that takes anything gets the rows, and our own words afterwards. */
#define DRESSED_UP(name, columns, rows)                                                         \
	"PRAGMA writable_schema = ON; CREATE TEMP TABLE words AS SELECT sql FROM sqlite_schema" \
	" WHERE name = '" name "'; DROP TABLE " name "; CREATE TABLE " name " (" columns ";"    \
	" INSERT INTO " name " VALUES " rows "; UPDATE main.sqlite_schema SET sql ="            \
	" (SELECT sql FROM words) WHERE name = '" name "';"
#define CHANNEL_OF(row)                                                                        \
	DRESSED_UP("channel",                                                                  \
		   "channel_id PRIMARY KEY, calendar_id, token_hash, resource_id, created_ms," \
		   " verified_ms, last_message_ms, last_number, messages) WITHOUT ROWID",      \
		   row)
#define WAKE_OF(row) \
	DRESSED_UP("wake", "calendar_id INTEGER PRIMARY KEY, ticket, at_ms, is_seen)", row)

static void test_hostile__rows_of_channel_are_checked(void **state)
{
	static const char *const rows[] = {
		CHANNEL_OF("('', 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("(5, 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("(char(27) || ']0;x', 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a' || char(0) || 'b', 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("(x'61', 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', NULL, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', -1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, NULL, NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(31), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, printf('%032d', 0), NULL, 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), x'00', 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), printf('%02000d', 0), 1, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), NULL, 9223372036854775807, 1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), NULL, 1, -1, 1, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), NULL, 1, 1, 1e300, 1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), NULL, 1, 1, 1, -1, 1)"),
		CHANNEL_OF("('a', 1, zeroblob(32), NULL, 1, 1, 1, 1, 9223372036854775807)"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hook_channel_list list = {0};

		reopened_after(rows[i]);
		OK(hook_open(hook_file, false, &hook, &err));
		if (!hook_channel_list(hook, &list, &err))
			fail_msg("taken: %s", rows[i]);
		assert_told("a row of channel makes no sense");
		assert_int_equal(fixture_hook_end(state), 0);
		assert_int_equal(fixture_hook(state), 0);
	}
	/* That it was not the dress. */
	reopened_after(CHANNEL_OF("('a', 1, zeroblob(32), 'r', 1, 0, 0, 0, 0)"));
	OK(hook_open(hook_file, false, &hook, &err));
	{
		AUTO(hook_channel_list_release) struct hook_channel_list list = {0};

		OK(hook_channel_list(hook, &list, &err));
		assert_int_equal(list.count, 1);
	}
}

static void test_hostile__rows_of_wake_are_checked(void **state)
{
	static const char *const rows[] = {
		WAKE_OF("(-1, 1, 1, 0)"),
		WAKE_OF("(1, NULL, 1, 0)"),
		WAKE_OF("(1, 9223372036854775807, 1, 0)"),
		WAKE_OF("(1, 1, -9223372036854775807, 0)"),
		WAKE_OF("(1, 1, 'noon', 0)"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hook_wake *list = NULL;
		size_t n;

		reopened_after(rows[i]);
		OK(hook_open(hook_file, false, &hook, &err));
		if (!hook_wake_list(hook, &list, &n, &err))
			fail_msg("taken: %s", rows[i]);
		assert_told("a row of wake makes no sense");
		assert_int_equal(fixture_hook_end(state), 0);
		assert_int_equal(fixture_hook(state), 0);
	}
}

static void test_hostile__the_next_try_is_checked(void **state)
{
	int64_t at;

	(void)state;
	reopened_after("UPDATE next_try SET at_ms = -5;");
	OK(hook_open(hook_file, false, &hook, &err));
	FAILS(ERR_STORE, hook_next_get(hook, &at, &err));
	assert_told("the next try makes no sense");
}

#define UP_TO(n) "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT " n ")"

static void test_hostile__so_many_rows_and_no_more(void **state)
{
	AUTO(hook_channel_list_release) struct hook_channel_list channels = {0};
	AUTO(free) struct hook_wake *wakes = NULL;
	struct hook_wake *more = NULL;
	size_t n;

	(void)state;
	attack("INSERT INTO wake " UP_TO(
		"100000") " SELECT n, 1, n, 0 FROM c;"
			  "INSERT INTO channel " UP_TO(
				  "100000") " SELECT printf('%036d', n), n, zeroblob(32), NULL, n, "
					    "0, 0, 0, 0 FROM c;");
	OK(hook_wake_list(hook, &wakes, &n, &err));
	assert_int_equal(n, 100000);
	OK(hook_channel_list(hook, &channels, &err));
	assert_int_equal(channels.count, 100000);
	hook_channel_list_release(&channels);
	attack("INSERT INTO wake VALUES (0, 1, 1, 0);"
	       "INSERT INTO channel VALUES ('x', 1, zeroblob(32), NULL, 1, 0, 0, 0, 0);");
	FAILS(ERR_STORE, hook_wake_list(hook, &more, &n, &err));
	assert_told("more than 100000 rows of wake");
	FAILS(ERR_STORE, hook_channel_list(hook, &channels, &err));
	assert_told("more than 100000 rows of channel");
}

static void test_hostile__a_huge_value_is_not_read(void **state)
{
	AUTO(hook_channel_list_release) struct hook_channel_list list = {0};

	(void)state;
	attack("INSERT INTO channel VALUES (printf('%0*d', 100000000, 0), 1, zeroblob(32), NULL, 1,"
	       " 0, 0, 0, 0);");
	FAILS(ERR_STORE, hook_channel_list(hook, &list, &err));
	assert_told("too big");
}

/* --- files ------------------------------------------------------------------------------- */

static char *beside(const char *suffix)
{
	return xasprintf("%s%s", hook_file, suffix);
}

static void put(const char *path, const void *data, size_t len)
{
	AUTO(fclose) FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : st.st_size;
}

static void test_hostile__a_symlink_is_not_followed(void **state)
{
	AUTO(free) char *victim = xasprintf("%s/victim", folder);
	struct stat st;

	(void)state;
	hook_close(TAKE(hook));
	assert_int_equal(chmod(folder, 02770), 0);
	for (int is_there = 0; is_there < 2; is_there++) {
		assert_int_equal(unlink(hook_file), 0);
		if (is_there)
			put(victim, "", 0);
		assert_int_equal(symlink(victim, hook_file), 0);
		assert_int_equal(chmod(is_there ? victim : folder, is_there ? 0600 : 02770), 0);
		FAILS(ERR_STORE, hook_open(hook_file, true, &hook, &err));
		assert_non_null(strstr(err.msg, "it is a symlink"));
		assert_int_equal(size_of(victim), is_there ? 0 : -1);
	}
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* The folder is not the receiver's to choose: many a home has its data elsewhere. */
static void test_hostile__a_folder_may_be_a_symlink(void **state)
{
	AUTO(free) char *link = xasprintf("%s/elsewhere", folder);
	AUTO(free) char *path = xasprintf("%s/hook.db", link);
	int64_t n;

	(void)state;
	OK(hook_wake_add(hook, 7, 5000, &err));
	hook_close(TAKE(hook));
	assert_int_equal(symlink(folder, link), 0);
	OK(hook_open(path, false, &hook, &err));
	assert_string_equal(hook_path(hook), path);
	OK(hook_wake_count(hook, &n, &err));
	assert_int_equal(n, 1);
}

static void test_hostile__what_lies_beside_it_is_a_file(void **state)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
	AUTO(free) char *victim = xasprintf("%s/victim", folder);

	(void)state;
	put(victim, "precious", 8);
	hook_close(TAKE(hook));
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO(free) char *path = beside(suffixes[i]);

		unlink(path);
		assert_int_equal(symlink(victim, path), 0);
		FAILS(ERR_STORE, hook_open(hook_file, false, &hook, &err));
		assert_told("not a regular file");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		FAILS(ERR_STORE, hook_open(hook_file, false, &hook, &err));
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		FAILS(ERR_STORE, hook_open(hook_file, false, &hook, &err));
		assert_int_equal(unlink(path), 0);
		OK(hook_open(hook_file, false, &hook, &err));
		hook_close(TAKE(hook));
	}
	assert_int_equal(size_of(victim), 8);
}

static void test_hostile__a_huge_file_is_not_opened(void **state)
{
	(void)state;
	hook_close(TAKE(hook));
	assert_int_equal(truncate(hook_file, 1LL << 40), 0);
	FAILS(ERR_STORE, hook_open(hook_file, false, &hook, &err));
	assert_told("too large");
}

static void put_be32(unsigned char *p, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> (24 - 8 * i));
}

/* SQLite's file format, 3: a journal that was left behind, of no page, whose transaction was one of
 * several files; the name of their common journal ends it. */
static void put_journal(const char *super)
{
	static const unsigned char magic[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	unsigned char buf[2048] = {0};
	size_t len = strlen(super), end = 512;
	uint32_t sum = 0;

	memcpy(buf, magic, 8);
	put_be32(buf + 16, 5); /* pages of the file */
	put_be32(buf + 20, 512);
	put_be32(buf + 24, 4096);
	put_be32(buf + end, 0x40000000 / 4096 + 1);
	for (size_t i = 0; i < len; i++) {
		buf[end + 4 + i] = (unsigned char)super[i];
		sum += (unsigned char)super[i];
	}
	end += 4 + len;
	put_be32(buf + end, (uint32_t)len);
	put_be32(buf + end + 4, sum);
	memcpy(buf + end + 8, magic, 8);
	{
		AUTO(free) char *path = beside("-journal");

		put(path, buf, end + 16);
	}
}

static void test_hostile__a_journal_removes_no_other_file(void **state)
{
	AUTO(free) char *victim = xasprintf("%s/victim", folder);
	sqlite3 *db;

	(void)state;
	hook_close(TAKE(hook));
	put(victim, "precious", 8);
	put_journal(victim);
	FAILS(ERR_STORE, hook_open(hook_file, false, &hook, &err));
	assert_told("unable to open");
	assert_int_equal(size_of(victim), 8);
	/* That the journal is as harmful as it is meant to be: to anybody else. */
	put_journal(victim);
	assert_int_equal(sqlite3_open(hook_file, &db), SQLITE_OK);
	sqlite3_exec(db, "SELECT * FROM wake", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(size_of(victim), -1);
}

static void test_hostile__the_bell_may_be_anything(void **state)
{
	AUTO(free) char *bell = beside("-wake");
	AUTO(free) char *victim = xasprintf("%s/victim", folder);

	(void)state;
	put(victim, "precious", 8);
	assert_int_equal(symlink(victim, bell), 0);
	OK(bell_ring(hook_file, &err));
	OK(bell_silence(hook_file, &err));
	assert_int_equal(size_of(victim), 8);
	assert_int_equal(mkfifo(bell, 0600), 0);
	OK(bell_ring(hook_file, &err));
	OK(bell_silence(hook_file, &err));
	assert_int_equal(size_of(bell), -1);
	assert_int_equal(mkdir(bell, 0700), 0);
	OK(bell_ring(hook_file, &err));
	FAILS(ERR_STORE, bell_silence(hook_file, &err));
	assert_non_null(strstr(err.msg, bell));
	assert_non_null(strstr(err.msg, "remove it by hand"));
	assert_int_equal(rmdir(bell), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_hook, fixture_hook_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hostile__any_other_schema_is_refused),
		TEST(test_hostile__one_without_an_owner_gets_the_table),
		TEST(test_hostile__a_schema_that_changes_later_has_an_end),
		TEST(test_hostile__a_statement_takes_so_many_steps),
		TEST(test_hostile__rows_of_channel_are_checked),
		TEST(test_hostile__rows_of_wake_are_checked),
		TEST(test_hostile__the_next_try_is_checked),
		TEST(test_hostile__so_many_rows_and_no_more),
		TEST(test_hostile__a_huge_value_is_not_read),
		TEST(test_hostile__a_symlink_is_not_followed),
		TEST(test_hostile__a_folder_may_be_a_symlink),
		TEST(test_hostile__what_lies_beside_it_is_a_file),
		TEST(test_hostile__a_huge_file_is_not_opened),
		TEST(test_hostile__a_journal_removes_no_other_file),
		TEST(test_hostile__the_bell_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
