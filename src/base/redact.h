/*
 * The one place that knows what a secret looks like in a line of text. Every log line and every error
 * message passes through it, whoever wrote the words: Google, libcurl, a proxy.
 *
 * Known   the values of Authorization and cookie headers; of access_token, refresh_token, id_token,
 *         client_secret, code, code_verifier, assertion, token, password and private_key in a form,
 *         a query or JSON; what follows Bearer or Basic; and by their own shape Google's tokens,
 *         codes and client secrets, JWTs and PEM private keys.
 * Kept    everything around them: each value becomes "***" (a shorter one as many stars as it has
 *         bytes).
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

/* In place: the text never grows. */
void redact(char *text);

#endif
