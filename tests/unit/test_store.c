/* The file itself: how it comes to be, what is refused, transactions, migrations, two at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "store/internal.h"
#include "store/schema.h"
#include "store_fixture.h"

/* --- helpers ----------------------------------------------------------------------------- */

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Name, size and bytes of the database and what lies beside it. */
static char *snapshot(void)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};
	struct strbuf all = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO(free) char *path = xasprintf("%s%s", db_file, suffixes[i]);
		AUTO(fclose) FILE *f = fopen(path, "r");
		int c;

		strbuf_addf(&all, "%s:", suffixes[i]);
		while (f && (c = fgetc(f)) != EOF)
			strbuf_addf(&all, "%02x", (unsigned)c);
	}
	return strbuf_detach(&all);
}

static mode_t mode_of(const char *suffix)
{
	AUTO(free) char *path = xasprintf("%s%s", db_file, suffix);
	struct stat st;

	if (stat(path, &st))
		fail_msg("%s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

/* Run fn in a process of its own; returns its exit status, or 128 + the signal that ended it.
 * What it leaves in err.msg comes back in ours. */
static int in_child(int (*fn)(void))
{
	int fds[2], status;
	pid_t pid;
	ssize_t n;

	assert_null(store); /* a connection must not cross a fork */
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		status = fn();
		if (write(fds[1], err.msg, sizeof(err.msg)) < 0)
			_exit(99);
		_exit(status);
	}
	close(fds[1]);
	n = read(fds[0], err.msg, sizeof(err.msg));
	close(fds[0]);
	if (n <= 0)
		err.msg[0] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void close_store(void)
{
	store_close(store);
	store = NULL;
}

static int64_t count(const char *sql)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	OK(db_prepare(store->db, sql, &st, &err));
	assert_int_equal(stmt_step(st, &err), 1);
	return col_int(st, 0);
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

/* --- transactions ------------------------------------------------------------------------ */

static void test_store__a_nested_transaction_names_who_opened_the_first(void **state)
{
	char opener[200];

	(void)state;
	snprintf(opener, sizeof(opener), "%s:%d", __FILE__, __LINE__ + 1);
	OK(store_begin(store, &err));
	FAILS(ERR_STORE, store_begin(store, &err));
	assert_non_null(strstr(err.msg, opener));
	/* The first goes on. */
	assert_true(store_in_transaction(store));
	add_account("ann");
	OK(store_commit(store, &err));
	assert_false(store_in_transaction(store));
	FAILS(ERR_STORE, store_commit(store, &err));
	reopen();
	assert_int_equal(count("SELECT count(*) FROM account"), 1);
}

static void test_store__a_rollback_undoes_all_of_it(void **state)
{
	int64_t calendar = add_calendar();

	(void)state;
	OK(store_begin(store, &err));
	add_outbox(add_event(calendar, "one", "{}"), PENDING_CREATE);
	OK(store_meta_set(store, "k", "v", &err));
	store_rollback(store);
	assert_false(store_in_transaction(store));
	store_rollback(store); /* allowed */
	assert_int_equal(count("SELECT count(*) FROM event"), 0);
	assert_int_equal(count("SELECT count(*) FROM outbox"), 0);
	assert_int_equal(count("SELECT count(*) FROM meta"), 0);
	OK(store_begin(store, &err));
	add_event(calendar, "one", "{}");
	reopen(); /* closing rolls back */
	assert_int_equal(count("SELECT count(*) FROM event"), 0);
}

static void test_store__a_write_outside_is_committed_by_itself(void **state)
{
	AUTO(store_close) struct store *second = NULL;
	AUTO(free) char *value = NULL;
	int64_t calendar = add_calendar();
	bool found = false;
	struct event e = {0};

	(void)state;
	OK(store_open(db_file, 0, &second, &err));
	add_event(calendar, "one", "{}");
	OK(store_meta_set(store, "k", "v", &err));
	OK(store_event_get(second, calendar, "one", &e, &found, &err));
	assert_true(found);
	event_release(&e);
	OK(store_meta_get(second, "k", &value, &err));
	assert_string_equal(value, "v");
}

/* A statement that fails by itself leaves the transaction usable. */
static void test_store__a_refused_row_leaves_the_transaction_whole(void **state)
{
	int64_t calendar = add_calendar();
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event e = {.calendar_id = calendar, .id = (char *)"one", .resource = resource};

	(void)state;
	OK(store_begin(store, &err));
	add_event(calendar, "one", "{}");
	FAILS(ERR_STORE, store_event_put(store, &e, &err));
	add_event(calendar, "two", "{}");
	OK(store_commit(store, &err));
	assert_int_equal(count("SELECT count(*) FROM event"), 2);
}

/* One that fails after its first row must not be committed by half. */
static void test_store__half_a_step_is_never_committed(void **state)
{
	int64_t account = add_account("ann");
	struct run_record r = {.account_id = account, .kind = (char *)"sync"};

	(void)state;
	OK(db_exec(store->db,
		   "CREATE TEMP TRIGGER no BEFORE DELETE ON run"
		   " BEGIN SELECT raise(ABORT, 'stop here'); END",
		   &err));
	OK(store_begin(store, &err));
	for (int i = 0; i < 1000; i++)
		OK(store_run_add(store, &r, &err));
	FAILS(ERR_STORE, store_run_add(store, &r, &err));
	assert_non_null(strstr(err.msg, "stop here"));
	FAILS(ERR_STORE, store_commit(store, &err));
	assert_non_null(strstr(err.msg, __FILE__));
	assert_false(store_in_transaction(store));
	assert_int_equal(count("SELECT count(*) FROM run"), 0);
}

/* When SQLite itself gives the transaction up, later writes must not go on without it. */
static void test_store__a_lost_transaction_takes_no_more_writes(void **state)
{
	(void)state;
	OK(store_begin(store, &err));
	add_account("ann");
	OK(db_exec(store->db, "ROLLBACK", &err));
	FAILS(ERR_STORE, store_meta_set(store, "k", "v", &err));
	assert_non_null(strstr(err.msg, "is lost"));
	FAILS(ERR_STORE, store_commit(store, &err));
	assert_int_equal(count("SELECT count(*) FROM account"), 0);
	OK(store_begin(store, &err));
	add_account("ann");
	OK(store_commit(store, &err));
	assert_int_equal(count("SELECT count(*) FROM account"), 1);
}

/* --- crashes and other processes --------------------------------------------------------- */

static int write_and_die(void)
{
	if (store_open(db_file, 0, &store, &err))
		return 1;
	OK(store_begin(store, &err));
	add_outbox(add_event(1, "committed", "{}"), PENDING_CREATE);
	OK(store_commit(store, &err));
	OK(store_begin(store, &err));
	add_outbox(add_event(1, "open", "{}"), PENDING_CREATE);
	raise(SIGKILL);
	return 1;
}

static void test_store__a_killed_process_leaves_what_it_committed(void **state)
{
	(void)state;
	assert_int_equal(add_calendar(), 1);
	close_store();
	assert_int_equal(in_child(write_and_die), 128 + SIGKILL);
	OK(store_open(db_file, 0, &store, &err));
	assert_int_equal(count("SELECT count(*) FROM event"), 1);
	assert_int_equal(count("SELECT count(*) FROM event WHERE id = 'committed'"), 1);
	assert_int_equal(count("SELECT count(*) FROM outbox"), 1);
	assert_int_equal(count("SELECT count(*) FROM pragma_integrity_check"
			       " WHERE integrity_check = 'ok'"),
			 1);
	/* Nothing is locked any more. */
	add_event(1, "later", "{}");
}

static void test_store__a_second_writer_waits_its_time_and_says_so(void **state)
{
	AUTO(store_close) struct store *second = NULL;
	struct timespec start, end;

	(void)state;
	OK(store_open(db_file, 0, &second, &err));
	db_set_busy_timeout(second->db, 200);
	OK(store_begin(store, &err));
	add_account("ann");
	clock_gettime(CLOCK_MONOTONIC, &start);
	FAILS(ERR_STORE, store_begin(second, &err));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_non_null(strstr(err.msg, "busy"));
	assert_true((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >=
		    150);
	assert_false(store_in_transaction(second));
	/* A reader neither waits nor sees what is not committed. */
	struct account_list list;
	OK(store_account_list(second, &list, &err));
	assert_int_equal(list.count, 0);
	account_list_release(&list);
	OK(store_commit(store, &err));
	OK(store_begin(second, &err));
	store_rollback(second);
}

static int first_start(void)
{
	AUTO(free) char *name = xasprintf("account-%d", getpid());
	struct account a = {.name = name, .email = name};

	if (store_open(db_file, STORE_CREATE, &store, &err))
		return 1;
	if (store_account_add(store, &a, &err))
		return 2;
	store_close(store);
	return 0;
}

static void test_store__many_first_starts_at_once_make_one_store(void **state)
{
	pid_t pids[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i]) {
			int status = first_start();

			if (status)
				fprintf(stderr, "# child: %s\n", err.msg);
			_exit(status);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	OK(store_open(db_file, 0, &store, &err));
	assert_int_equal(count("SELECT count(*) FROM account"), ARRAY_SIZE(pids));
	assert_int_equal(count("PRAGMA user_version"), schema_version());
}

/* --- migrations -------------------------------------------------------------------------- */

static const char *const good_steps[] = {
	"CREATE TABLE one (n INTEGER NOT NULL) STRICT; INSERT INTO one VALUES (1)",
	"ALTER TABLE one ADD COLUMN m INTEGER; UPDATE one SET m = n + 1",
	"CREATE VIEW two AS SELECT n, m FROM one",
};

static struct db *migrated(const char *const steps[], int n, int expected)
{
	struct db *db = NULL;
	struct db_header header;

	OK(db_open(db_file, true, &db, &header, &err));
	assert_int_equal(schema_migrate(db, steps, n, &err), expected);
	return db;
}

static int version_of(struct db *db)
{
	int version = -1;

	OK(db_user_version(db, &version, &err));
	return version;
}

static void test_store__migrations_run_once_each_and_in_order(void **state)
{
	struct db *db = migrated(good_steps, 1, 0);
	AUTO(free) char *before = NULL;
	AUTO(free) char *after = NULL;

	(void)state;
	assert_int_equal(version_of(db), 1);
	OK(db_use_wal(db, false, &err));
	db_close(db);
	db = migrated(good_steps, 3, 0);
	assert_int_equal(version_of(db), 3);
	OK(db_exec(db, "INSERT INTO one SELECT n, m FROM two", &err));
	db_close(db);
	before = snapshot();
	db = migrated(good_steps, 3, 0); /* up to date: no write */
	assert_int_equal(version_of(db), 3);
	db_close(db);
	after = snapshot();
	assert_string_equal(before, after);
}

/* The header of the main file alone must tell an older program that it is too old. */
static void test_store__after_a_migration_the_main_file_says_so(void **state)
{
	struct db *db = migrated(good_steps, 1, 0);
	struct db *second = NULL;
	struct db_header header;

	(void)state;
	OK(db_use_wal(db, false, &err));
	OK(schema_migrate(db, good_steps, 3, &err));
	OK(db_open(db_file, false, &second, &header, &err)); /* the first is still open */
	assert_true(header.wal);
	assert_int_equal(header.user_version, 3);
	assert_int_equal(header.application_id, SCHEMA_APPLICATION_ID);
	db_close(second);
	db_close(db);
}

static void test_store__a_failed_migration_leaves_the_step_before(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE one (n INTEGER NOT NULL) STRICT",
		"CREATE TABLE two (n INTEGER) STRICT; INSERT INTO no_such_table VALUES (1)",
		"CREATE TABLE three (n INTEGER) STRICT",
	};
	struct db *db = migrated(steps, 3, -1);

	(void)state;
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.msg, "cannot upgrade the schema to 2"));
	assert_non_null(strstr(err.msg, "no_such_table"));
	assert_int_equal(version_of(db), 1);
	assert_int_equal(db_exec(db, "SELECT n FROM two", &err), -1);
	assert_int_equal(db_exec(db, "SELECT n FROM three", &err), -1);
	OK(db_exec(db, "SELECT n FROM one", &err));
	db_close(db);
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

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, fixture_folder, fixture_end)
#define IN_STORE(name)  cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)

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
	IN_STORE(test_store__a_nested_transaction_names_who_opened_the_first),
	IN_STORE(test_store__a_rollback_undoes_all_of_it),
	IN_STORE(test_store__a_write_outside_is_committed_by_itself),
	IN_STORE(test_store__a_refused_row_leaves_the_transaction_whole),
	IN_STORE(test_store__half_a_step_is_never_committed),
	IN_STORE(test_store__a_lost_transaction_takes_no_more_writes),
	IN_STORE(test_store__a_killed_process_leaves_what_it_committed),
	IN_STORE(test_store__a_second_writer_waits_its_time_and_says_so),
	IN_FOLDER(test_store__many_first_starts_at_once_make_one_store),
	IN_FOLDER(test_store__migrations_run_once_each_and_in_order),
	IN_FOLDER(test_store__after_a_migration_the_main_file_says_so),
	IN_FOLDER(test_store__a_failed_migration_leaves_the_step_before),
	IN_STORE(test_store__meta_is_set_replaced_and_deleted),
};

int main(void)
{
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
