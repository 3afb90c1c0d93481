/* The key providers, one file each. Not for other directories. */
#ifndef SECRET_PROVIDER_H
#define SECRET_PROVIDER_H

#include "secret/secret.h"

extern const struct key_provider keyfile_provider, credential_provider, secretservice_provider;

/* Put one of KEY_GONE, KEY_OTHER, ... to an error that is set already; returns -1. */
int key_trouble(struct err *err, const char *reason);

#endif
