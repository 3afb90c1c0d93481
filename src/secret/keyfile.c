#include "secret/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/random.h"

#include "base/banned.h"

#define HEX_LEN (2 * SECRET_KEY_LEN)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* 64 hex digits and at most one line end. */
static int parse_key(const char *s, size_t len, unsigned char key[SECRET_KEY_LEN])
{
	if (len && s[len - 1] == '\n')
		len--;
	if (len && s[len - 1] == '\r')
		len--;
	if (len != HEX_LEN)
		return -1;
	for (size_t i = 0; i < SECRET_KEY_LEN; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static int check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(err, ERR_SECRET, "cannot read key file '%s': %s", path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_SECRET, "key file '%s' is not a regular file", path);
	if (st.st_uid != geteuid())
		return err_set(
			err, ERR_SECRET,
			"key file '%s' belongs to another user; run calsync as that user, or "
			"name another file as key.file in the config",
			path);
	if (st.st_mode & 0177)
		return err_set(
			err, ERR_SECRET,
			"key file '%s' may be read by others (mode %04o); if nobody did, run: "
			"chmod 600 '%s'",
			path, st.st_mode & 07777, path);
	return 0;
}

static int keyfile_load(const char *path, unsigned char key[SECRET_KEY_LEN], struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	AUTO(secret_wipe_strbuf) struct strbuf text = STRBUF_INIT;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no key file '%s'", path);
	if (fd < 0 && errno == ELOOP)
		return err_set(
			err, ERR_SECRET,
			"key file '%s' is a symbolic link; put the file itself there, or name "
			"its real place as key.file in the config",
			path);
	if (fd < 0)
		return err_set(err, ERR_SECRET, "cannot open key file '%s': %s", path,
			       strerror(errno));
	if (check_owner(fd, path, err))
		return -1;
	strbuf_reserve(&text, HEX_LEN + 2);
	if (io_read_fd(fd, path, HEX_LEN + 2, &text, err) || parse_key(text.buf, text.len, key))
		return err_set(
			err, ERR_SECRET,
			"key file '%s' does not hold one line of %d hex digits; put the right "
			"one back from a backup",
			path, HEX_LEN);
	return 0;
}

static int keyfile_create(const char *path, struct err *err)
{
	unsigned char key[SECRET_KEY_LEN];
	char line[HEX_LEN + 2];
	int rc;

	if (io_mkdir_parents(path, 0700, err)) {
		err->code = ERR_SECRET;
		return -1;
	}
	random_bytes(key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(line + 2 * i, 3, "%02x", key[i]);
	line[HEX_LEN] = '\n';
	rc = io_create_file(path, line, HEX_LEN + 1, 0600, err);
	secret_wipe(key, sizeof(key));
	secret_wipe(line, sizeof(line));
	if (rc) {
		err->code = ERR_SECRET;
		err_wrap(err, "no new key was made");
	}
	return rc;
}

static const struct key_provider providers[] = {
	{.name = "file", .load = keyfile_load, .create = keyfile_create},
};

const struct key_provider *key_provider_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (!strcmp(providers[i].name, name))
			return &providers[i];
	return NULL;
}
