/*
 * The secrets of an account, sealed as its own.
 *
 * A value opens for the account's id, the host that it was connected with, and, a service account's,
 * the user that it acts for: a row in which another program changed one of them opens none of its
 * secrets, so that no host gets another's tokens and nobody acts for another user. Values from
 * before that user was part of it open as they did; a login or a new key seals them anew.
 */
#ifndef STORE_ACCOUNT_SEAL_H
#define STORE_ACCOUNT_SEAL_H

#include "secret/secret.h"
#include "store/store.h"

/* Both append to out. Errors as of secret_seal() and secret_unseal(). */
int account_seal(const struct secret_box *box, const struct account *a, const char *field,
		 const void *plain, size_t len, struct strbuf *out, struct err *err);
int account_unseal(const struct secret_box *box, const struct account *a, const char *field,
		   const struct strbuf *sealed, struct strbuf *out, struct err *err);

#endif
