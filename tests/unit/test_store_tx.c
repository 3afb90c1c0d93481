/* Transactions, crashes, several processes at once, migrations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <time.h>

#include "store/schema.h"
#include "store_fixture.h"

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

/* No page more than there are: what a full disk says, without one. */
static void test_store__a_full_disk_loses_nothing_that_was_committed(void **state)
{
	int64_t calendar = add_calendar();
	AUTO(free)
	char *pragma = xasprintf("PRAGMA max_page_count = %lld",
				 (long long)count("PRAGMA page_count") + 2);
	AUTO(free) char *text = NULL;
	AUTO(json_object_put) struct json_object *resource = json_object_new_object();
	struct event e = {.calendar_id = calendar, .id = (char *)"big", .resource = resource};
	struct strbuf long_text = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&long_text, 'x');
	text = strbuf_detach(&long_text);
	json_set_str(resource, "description", text);
	add_event(calendar, "kept", "{}");
	OK(db_exec(store->db, pragma, &err));
	FAILS(ERR_STORE, store_event_put(store, &e, &err));
	assert_non_null(strstr(err.msg, "full"));
	assert_non_null(strstr(err.msg, db_file));
	assert_int_equal(e.rowid, 0);
	assert_false(store_in_transaction(store));
	OK(store_begin(store, &err));
	add_event(calendar, "small", "{}");
	FAILS(ERR_STORE, store_event_put(store, &e, &err));
	store_rollback(store);
	reopen(); /* with room again */
	assert_int_equal(count("SELECT count(*) FROM event"), 1);
	assert_int_equal(count("SELECT count(*) FROM event WHERE id = 'kept'"), 1);
	OK(store_event_put(store, &e, &err));
	assert_int_equal(count("SELECT count(*) FROM event WHERE id = 'big'"), 1);
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
	assert_int_equal(schema_migrate(db, SCHEMA_APPLICATION_ID, steps, n, &err), expected);
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

/* Takes step 2 and lets the others see it only after a while. */
static int migrate_slowly(int ready)
{
	struct db_header header;
	struct db *db = NULL;
	struct timespec pause = {.tv_nsec = 200000000};

	if (db_open(db_file, false, &db, &header, &err) ||
	    db_begin_at(db, true, __FILE__, __LINE__, &err) || db_exec(db, good_steps[1], &err) ||
	    db_exec(db, "PRAGMA user_version = 2", &err) || write(ready, "x", 1) != 1)
		return 1;
	nanosleep(&pause, NULL);
	if (db_commit(db, &err))
		return 2;
	db_close(db);
	return 0;
}

static void test_store__a_step_that_another_process_takes_is_not_taken_twice(void **state)
{
	struct db *db = migrated(good_steps, 1, 0);
	struct db_header header;
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	OK(db_use_wal(db, false, &err));
	db_close(db);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(migrate_slowly(ready[1]));
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	/* Here it still reads 1; taking step 2 again would fail on the column that is there. */
	OK(db_open(db_file, false, &db, &header, &err));
	assert_int_equal(version_of(db), 1);
	OK(schema_migrate(db, SCHEMA_APPLICATION_ID, good_steps, 3, &err));
	assert_int_equal(version_of(db), 3);
	db_close(db);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The header of the main file alone must tell an older program that it is too old. */
static void test_store__after_a_migration_the_main_file_says_so(void **state)
{
	struct db *db = migrated(good_steps, 1, 0);
	struct db *second = NULL;
	struct db_header header;

	(void)state;
	OK(db_use_wal(db, false, &err));
	OK(schema_migrate(db, SCHEMA_APPLICATION_ID, good_steps, 3, &err));
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

static const struct CMUnitTest tests[] = {
	IN_STORE(test_store__a_nested_transaction_names_who_opened_the_first),
	IN_STORE(test_store__a_rollback_undoes_all_of_it),
	IN_STORE(test_store__a_write_outside_is_committed_by_itself),
	IN_STORE(test_store__a_refused_row_leaves_the_transaction_whole),
	IN_STORE(test_store__half_a_step_is_never_committed),
	IN_STORE(test_store__a_lost_transaction_takes_no_more_writes),
	IN_STORE(test_store__a_full_disk_loses_nothing_that_was_committed),
	IN_STORE(test_store__a_killed_process_leaves_what_it_committed),
	IN_STORE(test_store__a_second_writer_waits_its_time_and_says_so),
	IN_FOLDER(test_store__many_first_starts_at_once_make_one_store),
	IN_FOLDER(test_store__migrations_run_once_each_and_in_order),
	IN_FOLDER(test_store__a_step_that_another_process_takes_is_not_taken_twice),
	IN_FOLDER(test_store__after_a_migration_the_main_file_says_so),
	IN_FOLDER(test_store__a_failed_migration_leaves_the_step_before),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_tx", tests, NULL, NULL);
}
