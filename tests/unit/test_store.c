/* The file itself: how it comes to be, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "store/schema.h"
#include "store_fixture.h"

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static mode_t mode_of(const char *suffix)
{
	AUTO(free) char *path = xasprintf("%s%s", db_file, suffix);
	struct stat st;

	if (stat(path, &st))
		fail_msg("%s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

/* --- how it comes to be ------------------------------------------------------------------ */

static void test_store__a_missing_file_is_not_made_unasked(void **state)
{
	(void)state;
	FAILS(ERR_NOT_CONNECTED, store_open(db_file, 0, &store, &err));
	assert_string_equal(err.msg, "no account is connected yet; run 'calsync connect'");
	assert_null(store);
	assert_int_equal(access(db_file, F_OK), -1);
}

static void test_store__only_the_user_can_read_it_whatever_the_umask(void **state)
{
	mode_t old = umask(0);
	struct stat st;
	AUTO(free) char *data = xasprintf("%s/data", folder);
	AUTO(free) char *inner = xasprintf("%s/data/calsync", folder);

	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	umask(old);
	add_account("ann"); /* so that there is a WAL */
	assert_int_equal(mode_of(""), 0600);
	assert_int_equal(mode_of("-wal"), 0600);
	assert_int_equal(mode_of("-shm"), 0600);
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_store__a_folder_that_is_there_keeps_its_mode(void **state)
{
	AUTO(free) char *data = xasprintf("%s/data", folder);
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(data, 0755), 0);
	assert_int_equal(chmod(data, 0755), 0);
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_store__an_interrupted_first_start_is_no_store_yet(void **state)
{
	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	close_store();
	write_file(db_file, "", 0);
	FAILS(ERR_NOT_CONNECTED, store_open(db_file, 0, &store, &err));
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	add_account("ann");
}

static void test_store__a_relative_path_and_odd_names_are_files(void **state)
{
	AUTO(free) char *before = getcwd(NULL, 0);
	static const char *const names[] = {"plain.db", ":memory:", "file:x?mode=memory"};

	(void)state;
	assert_int_equal(chdir(folder), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		OK(store_open(names[i], STORE_CREATE, &store, &err));
		add_account("ann");
		close_store();
		assert_int_equal(access(names[i], R_OK), 0);
		OK(store_open(names[i], 0, &store, &err));
		assert_string_equal(store_path(store), names[i]);
		assert_int_equal(count("SELECT count(*) FROM account"), 1);
		close_store();
	}
	assert_int_equal(chdir(before), 0);
}

static void test_store__the_connection_is_set_up_safely(void **state)
{
	(void)state;
	assert_int_equal(count("PRAGMA synchronous"), 2);
	assert_int_equal(count("PRAGMA foreign_keys"), 1);
	assert_int_equal(count("PRAGMA trusted_schema"), 0);
	assert_int_equal(count("PRAGMA cell_size_check"), 1);
	assert_int_equal(count("PRAGMA busy_timeout"), 10000);
	assert_int_equal(count("PRAGMA application_id"), SCHEMA_APPLICATION_ID);
	assert_int_equal(count("PRAGMA user_version"), schema_version());
	assert_int_equal(count("SELECT count(*) FROM pragma_journal_mode"
			       " WHERE journal_mode = 'wal'"),
			 1);
	/* Defensive mode: the schema cannot be written as a table. */
	FAILS(ERR_STORE,
	      db_exec(store->db,
		      "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'meta'",
		      &err));
	/* A misspelt column is no string. */
	FAILS(ERR_STORE, db_exec(store->db, "SELECT \"no_such_column\" FROM meta", &err));
	assert_int_equal(count("SELECT count(*) FROM pragma_integrity_check"
			       " WHERE integrity_check = 'ok'"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	/* Every table checks its types. */
	assert_int_equal(count("SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
			       " AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'"),
			 0);
}

/* --- what is refused --------------------------------------------------------------------- */

/* Refused, with the file's name in the message, and not one byte changed. */
static void assert_refused(unsigned flags, const char *why)
{
	AUTO(free) char *before = snapshot();
	AUTO(free) char *after = NULL;

	FAILS(ERR_STORE, store_open(db_file, flags, &store, &err));
	assert_null(store);
	if (!strstr(err.msg, why) || !strstr(err.msg, db_file))
		fail_msg("'%s' lacks '%s' or the file's name", err.msg, why);
	after = snapshot();
	assert_string_equal(after, before);
}

static void test_store__a_file_that_is_no_database_is_left_alone(void **state)
{
	static const char text[] = "Dear diary, today I wrote a text that is longer than a header."
				   " It goes on and on, until it has more than a hundred bytes.\n";

	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	close_store();
	write_file(db_file, text, sizeof(text));
	assert_refused(0, "is not a calsync database");
	assert_refused(STORE_CREATE, "is not a calsync database");
	write_file(db_file, "SQL", 3);
	assert_refused(STORE_CREATE, "is not a calsync database");
	/* The beginning of one alone is not enough. */
	write_file(db_file, "SQLite format 3", 16);
	assert_refused(STORE_CREATE, "is not a calsync database");
}

static void make_foreign(bool wal)
{
	AUTO(db_close) struct db *db = NULL;
	struct db_header header;

	OK(db_open(db_file, true, &db, &header, &err));
	OK(db_exec(db, wal ? "PRAGMA journal_mode = WAL" : "SELECT 1", &err));
	OK(db_exec(db, "CREATE TABLE diary (day TEXT); PRAGMA user_version = 1", &err));
}

static void test_store__another_programs_database_is_left_alone(void **state)
{
	(void)state;
	make_foreign(false);
	assert_refused(0, "is not a calsync database");
	assert_refused(STORE_CREATE, "is not a calsync database");
	assert_int_equal(unlink(db_file), 0);
	make_foreign(true);
	assert_refused(STORE_CREATE, "is not a calsync database");
}

static void test_store__what_is_no_file_is_refused(void **state)
{
	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	close_store();
	assert_int_equal(unlink(db_file), 0);
	assert_int_equal(mkdir(db_file, 0700), 0);
	assert_refused(STORE_CREATE, "not a regular file");
	assert_int_equal(rmdir(db_file), 0);
	/* Opening one would wait for a writer. */
	assert_int_equal(mkfifo(db_file, 0600), 0);
	FAILS(ERR_STORE, store_open(db_file, 0, &store, &err));
	assert_non_null(strstr(err.msg, "not a regular file"));
}

static void test_store__a_folder_that_cannot_be_made_is_named(void **state)
{
	AUTO(free) char *data = xasprintf("%s/data", folder);

	(void)state;
	write_file(data, "x", 1);
	FAILS(ERR_STORE, store_open(db_file, STORE_CREATE, &store, &err));
	assert_non_null(strstr(err.msg, db_file));
	assert_non_null(strstr(err.msg, strerror(ENOTDIR)));
}

static int open_as_nobody(void)
{
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return 98;
	return store_open(db_file, 0, &store, &err) ? (int)err.code : 0;
}

static void test_store__a_file_without_rights_is_named(void **state)
{
	AUTO(free) char *data = xasprintf("%s/data", folder);
	AUTO(free) char *inner = xasprintf("%s/data/calsync", folder);

	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	close_store();
	assert_int_equal(chmod(folder, 0755) || chmod(data, 0755) || chmod(inner, 0755), 0);
	assert_int_equal(chmod(db_file, 0000), 0);
	assert_int_equal(in_child(open_as_nobody), ERR_STORE);
	assert_non_null(strstr(err.msg, db_file));
	assert_non_null(strstr(err.msg, strerror(EACCES)));
	assert_int_equal(chmod(db_file, 0444), 0);
	assert_int_equal(in_child(open_as_nobody), ERR_STORE);
	assert_non_null(strstr(err.msg, db_file));
	assert_non_null(strstr(err.msg, "read-only"));
}

/* Leaves a newer schema's number in the WAL alone: the process ends before it is folded. */
static int raise_version_and_die(void)
{
	if (store_open(db_file, 0, &store, &err) ||
	    db_exec(store->db, "PRAGMA user_version = 99", &err))
		return 1;
	return 0;
}

static void test_store__a_newer_schema_is_left_alone(void **state)
{
	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	OK(db_exec(store->db, "PRAGMA user_version = 99", &err));
	close_store();
	assert_refused(0, "was written by a newer calsync (schema 99");
	assert_refused(STORE_CREATE, "upgrade calsync");
}

static void test_store__a_newer_schema_in_the_wal_is_left_alone(void **state)
{
	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	close_store();
	assert_int_equal(in_child(raise_version_and_die), 0);
	assert_true(mode_of("-wal") == 0600);
	assert_refused(0, "was written by a newer calsync (schema 99");
	assert_refused(STORE_CREATE, "was written by a newer calsync (schema 99");
}

static void test_store__a_damaged_page_is_an_error_and_no_crash(void **state)
{
	char junk[4096];
	int fd;

	(void)state;
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	for (int i = 0; i < 50; i++) {
		AUTO(free) char *name = xasprintf("account-%d", i);

		add_account(name);
	}
	close_store();
	memset(junk, 0xa5, sizeof(junk));
	fd = open(db_file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t page = 1; page < 60; page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
	close(fd);
	if (!store_open(db_file, 0, &store, &err)) {
		struct account_list list;

		FAILS(ERR_STORE, store_account_list(store, &list, &err));
	}
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.msg, db_file));
}

/* --- meta -------------------------------------------------------------------------------- */

static void test_store__meta_is_set_replaced_and_deleted(void **state)
{
	char *value = NULL;

	(void)state;
	OK(store_meta_get(store, "key.provider", &value, &err));
	assert_null(value);
	OK(store_meta_set(store, "key.provider", "file", &err));
	OK(store_meta_set(store, "key.provider", "systemd", &err));
	reopen();
	OK(store_meta_get(store, "key.provider", &value, &err));
	assert_string_equal(value, "systemd");
	free(TAKE(value));
	OK(store_meta_set(store, "key.provider", NULL, &err));
	OK(store_meta_set(store, "never.there", NULL, &err));
	OK(store_meta_get(store, "key.provider", &value, &err));
	assert_null(value);
}

static const struct CMUnitTest tests[] = {
	IN_FOLDER(test_store__a_missing_file_is_not_made_unasked),
	IN_FOLDER(test_store__only_the_user_can_read_it_whatever_the_umask),
	IN_FOLDER(test_store__a_folder_that_is_there_keeps_its_mode),
	IN_FOLDER(test_store__an_interrupted_first_start_is_no_store_yet),
	IN_FOLDER(test_store__a_relative_path_and_odd_names_are_files),
	IN_STORE(test_store__the_connection_is_set_up_safely),
	IN_FOLDER(test_store__a_file_that_is_no_database_is_left_alone),
	IN_FOLDER(test_store__another_programs_database_is_left_alone),
	IN_FOLDER(test_store__what_is_no_file_is_refused),
	IN_FOLDER(test_store__a_folder_that_cannot_be_made_is_named),
	IN_FOLDER(test_store__a_file_without_rights_is_named),
	IN_FOLDER(test_store__a_newer_schema_is_left_alone),
	IN_FOLDER(test_store__a_newer_schema_in_the_wal_is_left_alone),
	IN_FOLDER(test_store__a_damaged_page_is_an_error_and_no_crash),
	IN_STORE(test_store__meta_is_set_replaced_and_deleted),
};

int main(void)
{
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
