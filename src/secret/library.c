#include "secret/library.h"

#include <openssl/crypto.h>

#include "base/banned.h"

const char *secret_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
