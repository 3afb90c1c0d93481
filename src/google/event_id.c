#include "google/event_id.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

#include "base/banned.h"

#define ID_LEN 26 /* of 5 bits each */

void event_id_after(const char *calendar, const char *id, char *buf)
{
	static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;

	strbuf_addf(&text, "%s\n%s", calendar, id);
	if (!EVP_Digest(text.buf, text.len, digest, &n, EVP_sha256(), NULL) || n < ID_LEN)
		abort(); /* no memory */
	for (size_t i = 0; i < ID_LEN; i++)
		buf[i] = alphabet[digest[i] & 31];
	buf[ID_LEN] = '\0';
}
