#include "secret/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"

#include "base/banned.h"

static int check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(err, ERR_SECRET, "cannot read key file '%s': %s", path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_SECRET,
			"key file '%s' is not a regular file; put the key's own file there, or "
			"name "
			"another as key.file in the config",
			path);
		return key_trouble(err, KEY_KIND);
	}
	if (st.st_uid != geteuid()) {
		err_set(err, ERR_SECRET,
			"key file '%s' belongs to another user; run calsync as that user, or "
			"name another file as key.file in the config",
			path);
		return key_trouble(err, KEY_OWNER);
	}
	if (st.st_mode & 0177) {
		err_set(err, ERR_SECRET,
			"key file '%s' may be read by others (mode %04o); if nobody did, run: "
			"chmod 600 '%s'",
			path, st.st_mode & 07777, path);
		return key_trouble(err, KEY_MODE);
	}
	return 0;
}

/* 0 when that is all that it holds; -1 without a word. */
static int read_key(int fd, const char *path, unsigned char key[SECRET_KEY_LEN])
{
	AUTO(secret_wipe_strbuf) struct strbuf text = STRBUF_INIT;
	struct err why;

	strbuf_reserve(&text, KEY_HEX_LEN + 2); /* in one place, to be wiped there */
	return io_read_fd(fd, path, KEY_HEX_LEN + 2, &text, &why) ||
			       key_from_hex(text.buf, text.len, key)
		       ? -1
		       : 0;
}

static int keyfile_load(const char *path, unsigned char key[SECRET_KEY_LEN], struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no key file '%s'", path);
	if (fd < 0 && errno == ELOOP) {
		err_set(err, ERR_SECRET,
			"key file '%s' is a symbolic link; put the file itself there, or name "
			"its real place as key.file in the config",
			path);
		return key_trouble(err, KEY_LINK);
	}
	if (fd < 0) {
		err_set(err, ERR_SECRET, "cannot open key file '%s': %s", path, strerror(errno));
		return key_trouble(err, KEY_DENIED);
	}
	if (check_owner(fd, path, err))
		return -1;
	if (read_key(fd, path, key)) {
		err_set(err, ERR_SECRET,
			"key file '%s' does not hold one line of %d hex digits; put the right "
			"one back from a backup",
			path, KEY_HEX_LEN);
		return key_trouble(err, KEY_SPOILT);
	}
	return 0;
}

/* What replaces a key lies there until it does. One name, so that it is found again: a process that
 * is killed leaves a key. Nobody else is at it, as who replaces keys holds the store's locks. */
static char *temp_of(const char *path)
{
	return xasprintf("%s.tmp", path);
}

static int remove_file(const char *path, struct err *err)
{
	if (unlink(path) && errno != ENOENT)
		return err_set(err, ERR_SECRET, "cannot remove key file '%s': %s", path,
			       strerror(errno));
	return 0;
}

static int write_line(const char *path, const char *line, bool replace, struct err *err)
{
	AUTO(free) char *temp = temp_of(path);

	if (remove_file(temp, err))
		return -1;
	if (!replace)
		return io_create_file(path, line, KEY_HEX_LEN + 1, 0600, err);
	if (io_create_file(temp, line, KEY_HEX_LEN + 1, 0600, err))
		return -1;
	if (io_rename(temp, path, err)) {
		unlink(temp);
		return -1;
	}
	return 0;
}

static int keyfile_save(const char *path, const unsigned char key[SECRET_KEY_LEN], bool replace,
			struct err *err)
{
	char line[KEY_HEX_LEN + 2];
	int rc;

	if (io_mkdir_parents(path, 0700, err)) {
		err->code = ERR_SECRET;
		return -1;
	}
	key_to_hex(key, line);
	line[KEY_HEX_LEN] = '\n';
	rc = write_line(path, line, replace, err);
	secret_wipe(line, sizeof(line));
	if (rc)
		err->code = ERR_SECRET;
	return rc;
}

static int keyfile_remove(const char *path, struct err *err)
{
	AUTO(free) char *temp = temp_of(path);

	return remove_file(path, err) || remove_file(temp, err) ? -1 : 0;
}

static int keyfile_answers(const char *path, struct err *err)
{
	(void)path;
	(void)err;
	return 0;
}

const struct key_provider keyfile_provider = {
	.name = "file",
	.load = keyfile_load,
	.save = keyfile_save,
	.remove = keyfile_remove,
	.answers = keyfile_answers,
};

/* --- systemd credentials ----------------------------------------------------------------- */

/* systemd mounts the folder for this service alone, read-only, mode 0400 or 0440 (RuntimeDirectory
 * of the manager, owned by the service's user or by root with an access list). */
#define CREDENTIAL_MEND "; have systemd place it: LoadCredentialEncrypted=, see calsync-key(1)"

static int credential_load(const char *path, unsigned char key[SECRET_KEY_LEN], struct err *err)
{
	AUTO(close_fd) int fd = -1;
	struct stat st;

	if (*path != '/') {
		err_set(err, ERR_SECRET,
			"a systemd credential is there for its service only, and "
			"$CREDENTIALS_DIRECTORY is not set here; run calsync by its service "
			"(LoadCredentialEncrypted=calsync-key), or bring the key elsewhere "
			"there: calsync key move file");
		return key_trouble(err, KEY_CREDENTIAL);
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no credential '%s'", path);
	if (fd < 0) {
		err_set(err, ERR_SECRET, "cannot open credential '%s': %s" CREDENTIAL_MEND, path,
			strerror(errno));
		return key_trouble(err, KEY_CREDENTIAL);
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err_set(err, ERR_SECRET, "credential '%s' is not a regular file" CREDENTIAL_MEND,
			path);
		return key_trouble(err, KEY_CREDENTIAL);
	}
	if (st.st_mode & 0027) {
		err_set(err, ERR_SECRET,
			"credential '%s' may be read or written by others (mode "
			"%04o)" CREDENTIAL_MEND,
			path, st.st_mode & 07777);
		return key_trouble(err, KEY_CREDENTIAL);
	}
	if (read_key(fd, path, key)) {
		err_set(err, ERR_SECRET,
			"credential '%s' does not hold one line of %d hex "
			"digits" CREDENTIAL_MEND,
			path, KEY_HEX_LEN);
		return key_trouble(err, KEY_CREDENTIAL);
	}
	return 0;
}

static int credential_save(const char *path, const unsigned char key[SECRET_KEY_LEN], bool replace,
			   struct err *err)
{
	(void)path;
	(void)key;
	(void)replace;
	return err_set(err, ERR_SECRET,
		       "a systemd credential is written by its administrator: make it with "
		       "'systemd-creds encrypt --name=calsync-key KEYFILE "
		       "/etc/credstore.encrypted/calsync-key', see calsync-key(1)");
}

static int credential_remove(const char *path, struct err *err)
{
	(void)path;
	(void)err;
	return 0; /* the administrator's */
}

static int credential_answers(const char *path, struct err *err)
{
	unsigned char key[SECRET_KEY_LEN];
	int rc;

	if (*path != '/')
		return err_set(err, ERR_NOT_FOUND, "there are no credentials here");
	rc = credential_load(path, key, err);
	secret_wipe(key, sizeof(key));
	return rc;
}

const struct key_provider credential_provider = {
	.name = "credential",
	.load = credential_load,
	.save = credential_save,
	.remove = credential_remove,
	.answers = credential_answers,
};
