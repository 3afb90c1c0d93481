#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/io.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "temp_dir.h"

static const char *const variables[] = {
	"HOME",
	"XDG_CONFIG_HOME",
	"XDG_DATA_HOME",
	"STATE_DIRECTORY",
	"CONFIGURATION_DIRECTORY",
	"CALSYNC_CONFIG",
	"CALSYNC_DB",
	"CALSYNC_GOOGLE_BASE_URL",
	"GOOGLE_CLIENT_ID",
	"GOOGLE_CLIENT_SECRET",
};

/* A bare environment with HOME=/home/u, which does not exist. */
static int bare_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	setenv("HOME", "/nonexistent/u", 1);
	return 0;
}

static struct config *load(const char *path)
{
	struct config *c = NULL;
	struct err err;

	if (config_load(path, &c, &err))
		fail_msg("%s", err.msg);
	return c;
}

/* Owned by the table of this test program; the file is replaced by the next call. */
static const char *file_with(const char *text)
{
	static char path[100];
	struct err err;

	snprintf(path, sizeof(path), "%s/config", dir);
	assert_int_equal(io_write_file(path, text, strlen(text), 0600, &err), 0);
	return path;
}

static void refused(const char *path, enum err_code code, const char *words)
{
	struct config *c = NULL;
	struct err err = {0};

	if (config_load(path, &c, &err) != -1)
		fail_msg("accepted, but '%s' was expected", words);
	assert_null(c);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("'%s' does not say '%s'", err.msg, words);
}

/* --- where things are -------------------------------------------------------------------- */

static void expect_places(const char *config, const char *db, const char *key)
{
	AUTO(config_free) struct config *c = load(NULL);
	AUTO(free) char *db_path = config_db_path(c, NULL);
	AUTO(free) char *key_path = config_key_path(c);

	assert_string_equal(config_path(c), config);
	assert_string_equal(db_path, db);
	assert_string_equal(key_path, key);
}

static void test_paths__home(void **state)
{
	(void)state;
	expect_places("/nonexistent/u/.config/calsync/config",
		      "/nonexistent/u/.local/share/calsync/calsync.db",
		      "/nonexistent/u/.config/calsync/key");
}

static void test_paths__xdg(void **state)
{
	(void)state;
	setenv("XDG_CONFIG_HOME", "/nonexistent/c", 1);
	setenv("XDG_DATA_HOME", "/nonexistent/d", 1);
	expect_places("/nonexistent/c/calsync/config", "/nonexistent/d/calsync/calsync.db",
		      "/nonexistent/c/calsync/key");
	unsetenv("HOME");
	expect_places("/nonexistent/c/calsync/config", "/nonexistent/d/calsync/calsync.db",
		      "/nonexistent/c/calsync/key");
	/* The specification says to ignore a relative one. */
	setenv("HOME", "/nonexistent/u", 1);
	setenv("XDG_CONFIG_HOME", "c", 1);
	setenv("XDG_DATA_HOME", "", 1);
	expect_places("/nonexistent/u/.config/calsync/config",
		      "/nonexistent/u/.local/share/calsync/calsync.db",
		      "/nonexistent/u/.config/calsync/key");
}

static void test_paths__systemd(void **state)
{
	(void)state;
	setenv("STATE_DIRECTORY", "/nonexistent/state:/nonexistent/other", 1);
	setenv("CONFIGURATION_DIRECTORY", "/nonexistent/etc", 1);
	expect_places("/nonexistent/etc/config", "/nonexistent/state/calsync.db",
		      "/nonexistent/u/.config/calsync/key");
	unsetenv("HOME");
	expect_places("/nonexistent/etc/config", "/nonexistent/state/calsync.db",
		      "/nonexistent/etc/key");
}

static void test_paths__no_home(void **state)
{
	(void)state;
	unsetenv("HOME");
	refused(NULL, ERR_USAGE, "HOME is not set");
	setenv("HOME", "", 1);
	refused(NULL, ERR_USAGE, "HOME is not set");
	setenv("HOME", "relative", 1);
	refused(NULL, ERR_USAGE, "HOME is not set");
	setenv("XDG_CONFIG_HOME", "/nonexistent/c", 1);
	refused(NULL, ERR_USAGE, "HOME is not set");
}

static void test_paths__database_order(void **state)
{
	AUTO(config_free) struct config *c = load(file_with("[store]\npath = ~/cal.db\n"));
	AUTO(free) char *from_file = config_db_path(c, NULL);

	(void)state;
	assert_string_equal(from_file, "/nonexistent/u/cal.db");
	setenv("CALSYNC_DB", "/nonexistent/env.db", 1);
	AUTO(free) char *from_env = config_db_path(c, NULL);
	AUTO(free) char *from_option = config_db_path(c, "opt.db");

	assert_string_equal(from_env, "/nonexistent/env.db");
	assert_string_equal(from_option, "opt.db");
}

static void test_paths__key_file(void **state)
{
	AUTO(config_free) struct config *c = load(file_with("[key]\nfile = /nonexistent/k\n"));
	AUTO(free) char *key = config_key_path(c);

	(void)state;
	assert_string_equal(key, "/nonexistent/k");
}

/* --- the file ---------------------------------------------------------------------------- */

static void test_file__values(void **state)
{
	AUTO(config_free)
	struct config *c = load(file_with("\xef\xbb\xbf# a comment\n"
					  "[google]\n"
					  "client_id = 1-a.apps.googleusercontent.com\n"
					  "client_secret=GOCSPX-x\r\n"
					  "; another\n"
					  "\n"
					  "[key]\n"
					  "  provider : file ; behind\n"
					  "[store]"));

	(void)state;
	assert_string_equal(config_get(c, "google.client_id"), "1-a.apps.googleusercontent.com");
	assert_string_equal(config_get(c, "google.client_secret"), "GOCSPX-x");
	assert_string_equal(config_get(c, "key.provider"), "file");
	assert_null(config_get(c, "store.path"));
	assert_null(config_get(c, "client_id"));
	assert_string_equal(config_client_id(c), "1-a.apps.googleusercontent.com");
	assert_string_equal(config_client_secret(c), "GOCSPX-x");
	setenv("GOOGLE_CLIENT_ID", "env-id", 1);
	setenv("GOOGLE_CLIENT_SECRET", "", 1);
	assert_string_equal(config_client_id(c), "env-id");
	assert_string_equal(config_client_secret(c), "GOCSPX-x");
}

static void test_file__missing_and_empty(void **state)
{
	AUTO(config_free) struct config *missing = load(NULL);
	AUTO(config_free) struct config *empty = load(file_with(""));

	(void)state;
	assert_null(config_get(missing, "google.client_id"));
	assert_null(config_client_id(missing));
	assert_null(config_client_id(empty));
	refused("/nonexistent/named", ERR_USAGE, "/nonexistent/named");
	setenv("CALSYNC_CONFIG", "/nonexistent/env", 1);
	refused(NULL, ERR_USAGE, "/nonexistent/env");
	setenv("CALSYNC_CONFIG", file_with("[a]\nb = env\n"), 1);
	AUTO(config_free) struct config *c = load(NULL);

	assert_string_equal(config_get(c, "a.b"), "env");
	/* The command line wins. */
	refused("/nonexistent/named", ERR_USAGE, "/nonexistent/named");
}

static void test_file__bad_lines_are_named(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"[google]\nclient_id\n", ":2: neither [section]"},
		{"[google\nclient_id = x\n", ":1: neither [section]"},
		{"client_id = x\n", ":1: a setting must stand below a [section]"},
		{"[a]\nb = 1\n[c]\nb = 1\n[a]\nb = 2\n", ":6: this setting is there twice"},
		{"[a]\nb = 1\n  2\n", ":3: neither [section]"},
		{"[a]\nb = 1\n  c = 2\n", ":3: this setting is there twice"},
		{"[a]\n= 1\nb = 1\nb = 2\n", ":2: this setting has no name"},
		{"[a]\nb =\n", ":2: this setting has no value"},
		{"[a]\nb = ; only a comment\n", ":2: this setting has no value"},
		{"[a]\n\nb = \xff\n", "UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(file_with(cases[i].text), ERR_INVALID, cases[i].words);
}

static void test_file__long_lines_are_refused_not_cut(void **state)
{
	char text[400] = "[a]\nb = ";

	(void)state;
	memset(text + 8, 'x', 182);
	text[190] = '\n';
	text[191] = '\0';
	AUTO(config_free) struct config *c = load(file_with(text));

	assert_int_equal(strlen(config_get(c, "a.b")), 182);
	memset(text + 8, 'x', 190);
	text[198] = '\n';
	text[199] = '\0';
	refused(file_with(text), ERR_INVALID, ":2: the line is longer than");
}

static void test_file__odd_files_are_refused(void **state)
{
	AUTO(free) char *path = xasprintf("%s/nul", dir);
	AUTO(free) char *folder = xasprintf("%s/folder", dir);
	AUTO(free) char *big = xmalloc(300001);
	struct err err;

	(void)state;
	assert_int_equal(io_write_file(path, "[a]\nb = 1\0\n", 11, 0600, &err), 0);
	refused(path, ERR_INVALID, "no text file");
	assert_int_equal(mkdir(folder, 0700), 0);
	refused(folder, ERR_INVALID, "not a regular file");
	memset(big, '\n', 300000);
	big[300000] = '\0';
	refused(file_with(big), ERR_INVALID, "larger than");
}

/* --- Google's address -------------------------------------------------------------------- */

/* --- config_set ---------------------------------------------------------------------------- */

static void test_set__one_line_changes(void **state)
{
	static const struct {
		const char *before, *value, *after;
	} rows[] = {
		{"", "work", "[account]\ndefault = work\n"},
		{"# mine\n[store]\npath = /x ; here\n", "work",
		 "# mine\n[store]\npath = /x ; here\n\n[account]\ndefault = work\n"},
		{"[account]\n# who\ndefault=old\n[store]\npath = /x\n", "my work",
		 "[account]\n# who\ndefault = my work\n[store]\npath = /x\n"},
		{"[account]\nother = 1\n[store]\npath = /x", "work",
		 "[account]\ndefault = work\nother = 1\n[store]\npath = /x\n"},
		{"[store]\ndefault = 7\n[account]\ndefault : old\n", "work",
		 "[store]\ndefault = 7\n[account]\ndefault = work\n"},
		{"[account]\n#default = old\ndefault = old\n", NULL, "[account]\n#default = old\n"},
		{"[store]\npath = /x\n", NULL, "[store]\npath = /x\n"},
		{"[account]\nx = 1\n[store]\npath = /x\n[account]\ndefault = a\n", "b",
		 "[account]\nx = 1\n[store]\npath = /x\n[account]\ndefault = b\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(config_free) struct config *c = NULL;
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		const char *path = file_with(rows[i].before);
		struct stat st;
		struct err err;

		assert_int_equal(chmod(path, 0640), 0);
		c = load(path);
		if (config_set(c, "account.default", rows[i].value, &err))
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(io_read_file(path, 4096, &text, &err), 0);
		assert_string_equal(text.buf ? text.buf : "", rows[i].after);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0640);
	}
}

/* What inih would read as something else leaves the file alone. */
static void test_set__values_that_do_not_fit(void **state)
{
	static const char text[] = "[account]\ndefault = old\n";
	static const char *const values[] = {"a ; b", " a",  "a\nb", "a\n[google]\nclient_id = x",
					     "",      "\xff"};
	AUTO(strbuf_release) struct strbuf long_one = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 190; i++)
		strbuf_addc(&long_one, 'x');
	for (size_t i = 0; i <= ARRAY_SIZE(values); i++) {
		const char *path = file_with(text);
		AUTO(config_free) struct config *c = load(path);
		AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
		const char *value = i < ARRAY_SIZE(values) ? values[i] : long_one.buf;
		struct err err;

		if (!config_set(c, "account.default", value, &err))
			fail_msg("'%s' was taken", value);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(io_read_file(path, 4096, &after, &err), 0);
		assert_string_equal(after.buf, text);
	}
}

/* A link stays a link, and a file that is not there is made for its owner alone. */
static void test_set__links_and_new_files(void **state)
{
	AUTO(free) char *link_path = xasprintf("%s/link", dir);
	AUTO(free) char *home = xasprintf("%s/new", dir);
	AUTO(free) char *made = xasprintf("%s/.config/calsync/config", home);
	const char *path = file_with("");
	AUTO(config_free) struct config *linked = NULL;
	AUTO(config_free) struct config *fresh = NULL;
	AUTO(config_free) struct config *again = NULL;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(symlink(path, link_path), 0);
	linked = load(link_path);
	assert_int_equal(config_set(linked, "account.default", "work", &err), 0);
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	again = load(path);
	assert_string_equal(config_get(again, "account.default"), "work");
	setenv("HOME", home, 1);
	fresh = load(NULL);
	if (config_set(fresh, "account.default", "work", &err))
		fail_msg("%s", err.msg);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(made);
	unlink(link_path);
	for (int i = 0; i < 3; i++) {
		*strrchr(made, '/') = '\0';
		rmdir(made);
	}
}

static void test_base_url__good_ones(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"https://sandbox.example.com", "https://sandbox.example.com"},
		{"https://sandbox.example.com/", "https://sandbox.example.com"},
		{"https://sandbox.example.com:8443", "https://sandbox.example.com:8443"},
		{"HTTPS://sandbox.example.com", "HTTPS://sandbox.example.com"},
		{"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
		{"http://127.9.9.9", "http://127.9.9.9"},
		{"http://localhost:1", "http://localhost:1"},
		{"http://LOCALHOST", "http://LOCALHOST"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"https://[2001:db8::1]", "https://[2001:db8::1]"},
		{"", ""},
	};
	AUTO(config_free) struct config *c = load(NULL);
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free) char *url = NULL;

		setenv("CALSYNC_GOOGLE_BASE_URL", cases[i].value, 1);
		if (config_google_base_url(c, &url, &err))
			fail_msg("%s: %s", cases[i].value, err.msg);
		assert_string_equal(url, cases[i].want);
	}
}

static void test_base_url__bad_ones(void **state)
{
	static const char *const cases[] = {
		"sandbox.example.com",
		"http://sandbox.example.com",
		"http://10.0.0.1",
		"http://127.0.0.1.nip.io",
		"http://localhost.example.com",
		"http://127.0.0.256",
		"http://[::ffff:127.0.0.1]",
		"ftp://127.0.0.1",
		"https://",
		"https:///x",
		"https://a/b",
		"https://a//",
		"https://a?b",
		"https://a#b",
		"https://u@a",
		"https://u:p@a",
		"https://a b",
		"https://a\r\nX: y",
		"https://a:",
		"https://a:0",
		"https://a:65536",
		"https://a:8x",
		"https://a%2eb",
		"https://caf\xc3\xa9",
		"https://a\\b",
	};
	AUTO(config_free) struct config *c = load(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *url = NULL;
		struct err err = {0};

		setenv("CALSYNC_GOOGLE_BASE_URL", cases[i], 1);
		if (config_google_base_url(c, &url, &err) != -1)
			fail_msg("'%s' was accepted", cases[i]);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.msg, "CALSYNC_GOOGLE_BASE_URL"));
		assert_null(url);
	}
}

static void test_url__host_for_messages(void **state)
{
	static const char *const cases[][2] = {{"https://a.b:1/x?y", "a.b"},
					       {"http://[::1]:8080/x", "::1"},
					       {"nonsense", ""},
					       {"https://a@b/", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free) char *host = url_host(cases[i][0]);

		assert_string_equal(host, cases[i][1]);
	}
}

/* --- files ------------------------------------------------------------------------------- */

static void test_io__a_file_is_replaced_whole(void **state)
{
	AUTO(free) char *path = xasprintf("%s/x", dir);
	AUTO(free) char *ghost = xasprintf("%s/no/such/x", dir);
	AUTO(free) char *pattern = xasprintf("%s/*.tmp", dir);
	glob_t left;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(io_write_file(path, "old", 3, 0644, &err), 0);
	assert_int_equal(io_write_file(path, "new!", 4, 0600, &err), 0);
	assert_int_equal(io_read_file(path, 4, &text, &err), 0);
	assert_string_equal(text.buf, "new!");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(io_create_file(path, "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	assert_int_equal(io_write_file(ghost, "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, ERR_FAILED);
	assert_int_equal(io_read_file(path, 3, &text, &err), -1);
	assert_int_equal(err.code, ERR_FAILED);
	assert_int_equal(io_read_file(ghost, 3, &text, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(glob(pattern, 0, NULL, &left), GLOB_NOMATCH); /* nothing is left behind */
	globfree(&left);
}

static void test_io__folders(void **state)
{
	AUTO(free) char *deep = xasprintf("%s/a/b//c/", dir);
	AUTO(free) char *file = xasprintf("%s/f", dir);
	AUTO(free) char *below = xasprintf("%s/f/g", dir);
	AUTO(free) char *b = xasprintf("%s/a/b", dir);
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(io_mkdir_p(deep, 0700, &err), 0);
	assert_int_equal(io_mkdir_p(deep, 0700, &err), 0);
	assert_int_equal(stat(b, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(io_write_file(file, "", 0, 0600, &err), 0);
	assert_int_equal(io_mkdir_p(below, 0700, &err), -1);
	assert_int_equal(err.code, ERR_FAILED);
	assert_int_equal(io_mkdir_p(file, 0700, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup(name, bare_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paths__home),
		TEST(test_paths__xdg),
		TEST(test_paths__systemd),
		TEST(test_paths__no_home),
		TEST(test_paths__database_order),
		TEST(test_paths__key_file),
		TEST(test_file__values),
		TEST(test_file__missing_and_empty),
		TEST(test_file__bad_lines_are_named),
		TEST(test_file__long_lines_are_refused_not_cut),
		TEST(test_file__odd_files_are_refused),
		TEST(test_set__one_line_changes),
		TEST(test_set__values_that_do_not_fit),
		TEST(test_set__links_and_new_files),
		TEST(test_base_url__good_ones),
		TEST(test_base_url__bad_ones),
		TEST(test_url__host_for_messages),
		TEST(test_io__a_file_is_replaced_whole),
		TEST(test_io__folders),
	};

	return cmocka_run_group_tests_name("config", tests, temp_dir_make, temp_dir_remove);
}
