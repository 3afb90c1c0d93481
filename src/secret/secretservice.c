/*
 * The key in the desktop's keyring: org.freedesktop.secrets, by libsecret.
 *
 * libsecret runs in a process of its own, which is killed when the time is over: a keyring that
 * hangs cannot hang us, GLib's threads and its copies of the key end with it, and a run that needs
 * no key loads nothing. What it found comes back through a pipe.
 *
 * Without a terminal nobody is asked anything: a locked keyring is an error then.
 */
#include "secret/provider.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libsecret/secret.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#include "base/banned.h"

#define TIMEOUT_MS        3000
#define TIMEOUT_PROMPT_MS 120000 /* somebody types a password */

/* For who has a key there, and for who has none yet. */
#define SERVICE_MEND                                                                     \
	"; run calsync in a session with a keyring (gnome-keyring, KWallet), or, for a " \
	"new store, set key.provider = file in the config"

#define SECRET_FUNCTIONS(X)                 \
	X(secret_service_get_sync)          \
	X(secret_service_search_sync)       \
	X(secret_service_store_sync)        \
	X(secret_service_clear_sync)        \
	X(secret_collection_for_alias_sync) \
	X(secret_collection_get_locked)     \
	X(secret_item_get_locked)           \
	X(secret_item_get_secret)           \
	X(secret_value_new)                 \
	X(secret_value_get)                 \
	X(g_hash_table_new)                 \
	X(g_hash_table_insert)              \
	X(g_str_hash)                       \
	X(g_str_equal)

enum task { TASK_LOAD, TASK_CREATE, TASK_REPLACE, TASK_REMOVE, TASK_ASK };

/* What the child says: a letter, and a text behind it. */
enum answer { ANSWER_DONE = 'd', ANSWER_NONE = 'n', ANSWER_LOCKED = 'l', ANSWER_FAILED = 'e' };

/* --- the child ----------------------------------------------------------------------------- */

static struct {
#define X(name) __typeof__(name) *name##_;
	SECRET_FUNCTIONS(X)
#undef X
} lib;

static int pipe_fd;

__attribute__((noreturn)) static void say(enum answer letter, const char *text, size_t len)
{
	char out[512];

	if (len > sizeof(out) - 1)
		len = sizeof(out) - 1;
	out[0] = (char)letter;
	memcpy(out + 1, text, len);
	(void)io_write_all(pipe_fd, out, len + 1);
	_exit(0);
}

__attribute__((noreturn)) static void fail(const char *what)
{
	say(ANSWER_FAILED, what, strlen(what));
}

static void load_library(void)
{
	void *handle = dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_GLOBAL);
	void *symbol;

	if (!handle)
		fail(dlerror());
		/* POSIX gives function pointers only through a data pointer. */
#define X(name)                                         \
	symbol = dlsym(handle, #name);                  \
	if (!symbol)                                    \
		fail("libsecret-1.so.0 has no " #name); \
	memcpy(&lib.name##_, &symbol, sizeof(symbol));
	SECRET_FUNCTIONS(X)
#undef X
}

static const SecretSchema schema = {
	.name = "org.calsync.Key",
	.flags = SECRET_SCHEMA_NONE,
	.attributes = {{"key-id", SECRET_SCHEMA_ATTRIBUTE_STRING}},
};

static GHashTable *attributes_of(const char *where)
{
	GHashTable *attributes = lib.g_hash_table_new_(lib.g_str_hash_, lib.g_str_equal_);

	lib.g_hash_table_insert_(attributes, (gpointer) "key-id", (gpointer)where);
	return attributes;
}

__attribute__((noreturn)) static void fail_glib(const GError *error)
{
	fail(error && error->message ? error->message : "no reason given");
}

/* The item of the key; NULL: there is none. */
static SecretItem *find(SecretService *service, const char *where, bool prompt)
{
	GError *error = NULL;
	SecretSearchFlags flags = SECRET_SEARCH_LOAD_SECRETS;
	GList *items;

	if (prompt)
		flags |= SECRET_SEARCH_UNLOCK;
	items = lib.secret_service_search_sync_(service, &schema, attributes_of(where), flags, NULL,
						&error);
	if (error)
		fail_glib(error);
	if (!items)
		return NULL;
	if (lib.secret_item_get_locked_(items->data))
		say(ANSWER_LOCKED, "", 0);
	return items->data;
}

/* A keyring that was never opened since its start does not know what is in it: without a look into it
 * nobody can say that the key is gone. */
static void check_nothing_hidden(SecretService *service)
{
	SecretCollection *collection = lib.secret_collection_for_alias_sync_(
		service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL, NULL);

	if (collection && lib.secret_collection_get_locked_(collection))
		say(ANSWER_LOCKED, "", 0);
}

/* Whether a new item could be made without asking anybody, unless somebody may be asked. */
static void check_collection(SecretService *service, bool prompt)
{
	GError *error = NULL;
	SecretCollection *collection = lib.secret_collection_for_alias_sync_(
		service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL, &error);

	if (error)
		fail_glib(error);
	if (prompt)
		return;
	if (!collection)
		fail("it has no default keyring yet");
	if (lib.secret_collection_get_locked_(collection))
		say(ANSWER_LOCKED, "", 0);
}

__attribute__((noreturn)) static void run_child(enum task task, const char *where, const char *hex,
						bool prompt)
{
	GError *error = NULL;
	SecretService *service;
	SecretItem *item;
	SecretValue *value;
	gsize len;
	const char *text;

	load_library();
	service = lib.secret_service_get_sync_(SECRET_SERVICE_OPEN_SESSION, NULL, &error);
	if (!service)
		fail_glib(error);
	switch (task) {
	case TASK_LOAD:
		item = find(service, where, prompt);
		if (!item && !prompt)
			check_nothing_hidden(service);
		value = item ? lib.secret_item_get_secret_(item) : NULL;
		if (!value)
			say(ANSWER_NONE, "", 0);
		text = lib.secret_value_get_(value, &len);
		say(ANSWER_DONE, text, len);
	case TASK_CREATE:
		if (find(service, where, prompt))
			fail("there is a key already");
		__attribute__((fallthrough));
	case TASK_REPLACE:
		check_collection(service, prompt);
		value = lib.secret_value_new_(hex, (gssize)strlen(hex), "text/plain");
		if (!lib.secret_service_store_sync_(service, &schema, attributes_of(where),
						    SECRET_COLLECTION_DEFAULT, "calsync key", value,
						    NULL, &error))
			fail_glib(error);
		break;
	case TASK_REMOVE:
		lib.secret_service_clear_sync_(service, &schema, attributes_of(where), NULL,
					       &error);
		if (error)
			fail_glib(error);
		break;
	case TASK_ASK:
		check_collection(service, prompt);
		break;
	}
	say(ANSWER_DONE, "", 0);
}

/* --- the parent ---------------------------------------------------------------------------- */

/* libsecret would start a session bus of its own where there is none. */
static int check_bus(struct err *err)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *dir = getenv("XDG_RUNTIME_DIR");
	char path[256];
	struct stat st;

	if (address && *address)
		return 0;
	if (dir && snprintf(path, sizeof(path), "%s/bus", dir) < (int)sizeof(path) &&
	    !stat(path, &st))
		return 0;
	err_set(err, ERR_SECRET,
		"there is no Secret Service here: no session bus "
		"(DBUS_SESSION_BUS_ADDRESS is not set)" SERVICE_MEND);
	return key_trouble(err, KEY_NO_SERVICE);
}

static bool may_prompt(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static pid_t start(enum task task, const char *where, const char *hex, bool prompt, int *out_fd,
		   struct err *err)
{
	int ends[2];
	pid_t parent = getpid(), pid;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, ERR_SECRET, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		err_set(err, ERR_SECRET, "cannot start a process: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (!pid) {
		/* Nothing of ours outlives us in it: no lock, no database, no connection. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		(void)dup2(ends[1], STDIN_FILENO);
		pipe_fd = STDIN_FILENO;
		(void)close_range(3, ~0U, 0);
		run_child(task, where, hex, prompt);
	}
	close(ends[1]);
	*out_fd = ends[0];
	return pid;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* All that the child says until it ends; -1: the time was over. */
static int listen_to(int fd, int timeout_ms, struct strbuf *out)
{
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - now_ms();
		char buf[512];
		ssize_t n;

		if (left <= 0)
			return -1;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			strbuf_add(out, buf, (size_t)n);
		secret_wipe(buf, sizeof(buf));
		if (n <= 0)
			return 0;
	}
}

static int ask(enum task task, const char *where, const char *hex, bool prompt, struct strbuf *out,
	       struct err *err)
{
	AUTO(close_fd) int fd = -1;
	int timeout = prompt ? TIMEOUT_PROMPT_MS : TIMEOUT_MS;
	pid_t pid;
	int late;

	strbuf_reserve(out, 1024); /* in one place, to be wiped there */
	pid = start(task, where, hex, prompt, &fd, err);
	if (pid < 0)
		return -1;
	late = listen_to(fd, timeout, out);
	if (late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (late) {
		err_set(err, ERR_LOCKED,
			"the Secret Service did not answer within %d s; is its keyring "
			"waiting for a password? Unlock it, or, for a new store, set "
			"key.provider = file in the config",
			timeout / 1000);
		return key_trouble(err, KEY_SILENT);
	}
	return 0;
}

/* Appends the text of the answer to out. ERR_LOCKED: it is there, and does not let us in now. */
static int try_to_talk(enum task task, const char *where, const char *hex, struct strbuf *out,
		       struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf said = STRBUF_INIT;

	if (check_bus(err) || ask(task, where, hex, false, &said, err))
		return -1;
	if (said.len && said.buf[0] == ANSWER_LOCKED && may_prompt() && task != TASK_ASK) {
		secret_wipe_strbuf(&said);
		said = (struct strbuf)STRBUF_INIT;
		if (ask(task, where, hex, true, &said, err))
			return -1;
	}
	switch (said.len ? (enum answer)said.buf[0] : ANSWER_FAILED) {
	case ANSWER_DONE:
		strbuf_add(out, said.buf + 1, said.len - 1);
		return 0;
	case ANSWER_NONE:
		return err_set(err, ERR_NOT_FOUND,
			       "the Secret Service holds no key of this store (key-id %s)", where);
	case ANSWER_LOCKED:
		err_set(err, ERR_LOCKED,
			"the keyring of the Secret Service is locked; unlock it (log in to "
			"the desktop, or run the command at a terminal)");
		return key_trouble(err, KEY_LOCKED);
	case ANSWER_FAILED:
		break;
	}
	err_set(err, ERR_SECRET, "the Secret Service failed: %.*s" SERVICE_MEND,
		said.len > 1 ? (int)said.len - 1 : 9, said.len > 1 ? said.buf + 1 : "it ended");
	return key_trouble(err, KEY_NO_SERVICE);
}

static int talk(enum task task, const char *where, const char *hex, struct strbuf *out,
		struct err *err)
{
	int rc = try_to_talk(task, where, hex, out, err);

	if (rc && err->code == ERR_LOCKED)
		err->code = ERR_SECRET;
	return rc;
}

static int secretservice_load(const char *where, unsigned char key[SECRET_KEY_LEN], struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf text = STRBUF_INIT;

	strbuf_reserve(&text, 1024);
	if (talk(TASK_LOAD, where, NULL, &text, err))
		return -1;
	if (key_from_hex(text.buf, text.len, key)) {
		err_set(err, ERR_SECRET,
			"what the Secret Service holds as the key of this store (key-id %s) "
			"is no key of %d hex digits; put the right one back",
			where, KEY_HEX_LEN);
		return key_trouble(err, KEY_SPOILT);
	}
	return 0;
}

static int secretservice_save(const char *where, const unsigned char key[SECRET_KEY_LEN],
			      bool replace, struct err *err)
{
	AUTO(strbuf_release) struct strbuf unused = STRBUF_INIT;
	char hex[KEY_HEX_LEN + 1];
	int rc;

	key_to_hex(key, hex);
	rc = talk(replace ? TASK_REPLACE : TASK_CREATE, where, hex, &unused, err);
	secret_wipe(hex, sizeof(hex));
	return rc;
}

static int secretservice_remove(const char *where, struct err *err)
{
	AUTO(strbuf_release) struct strbuf unused = STRBUF_INIT;

	return talk(TASK_REMOVE, where, NULL, &unused, err);
}

static int secretservice_answers(const char *where, struct err *err)
{
	AUTO(strbuf_release) struct strbuf unused = STRBUF_INIT;

	if (!try_to_talk(TASK_ASK, where, NULL, &unused, err))
		return 0;
	if (err->code != ERR_LOCKED)
		err->code = ERR_NOT_FOUND; /* nobody there, or nothing to keep a key in */
	return -1;
}

const struct key_provider secretservice_provider = {
	.name = "secret-service",
	.load = secretservice_load,
	.save = secretservice_save,
	.remove = secretservice_remove,
	.answers = secretservice_answers,
};
