#include "secret/provider.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"

#include "base/banned.h"

static const struct key_provider *const providers[] = {
	&credential_provider,
	&secretservice_provider,
	&keyfile_provider,
};

const struct key_provider *key_provider_at(size_t i)
{
	return i < ARRAY_SIZE(providers) ? providers[i] : NULL;
}

const struct key_provider *key_provider_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (!strcmp(providers[i]->name, name))
			return providers[i];
	return NULL;
}

int key_trouble(struct err *err, const char *reason)
{
	snprintf(err->reason, sizeof(err->reason), "%s", reason);
	return -1;
}

int key_create(const struct key_provider *p, const char *where, struct err *err)
{
	unsigned char key[SECRET_KEY_LEN];
	int rc;

	random_bytes(key, sizeof(key));
	rc = p->save(where, key, false, err);
	secret_wipe(key, sizeof(key));
	return rc ? err_wrap(err, "no new key was made") : 0;
}

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

int key_from_hex(const char *s, size_t len, unsigned char key[SECRET_KEY_LEN])
{
	if (len && s[len - 1] == '\n')
		len--;
	if (len && s[len - 1] == '\r')
		len--;
	if (len != KEY_HEX_LEN)
		return -1;
	for (size_t i = 0; i < SECRET_KEY_LEN; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

void key_to_hex(const unsigned char key[SECRET_KEY_LEN], char out[KEY_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SECRET_KEY_LEN; i++) {
		out[2 * i] = digits[key[i] >> 4];
		out[2 * i + 1] = digits[key[i] & 15];
	}
	out[KEY_HEX_LEN] = '\0';
}
