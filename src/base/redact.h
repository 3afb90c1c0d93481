/*
 * The one place that knows what a secret looks like in a line of text. Every log line and every error
 * message passes through it, whoever wrote the words: Google, libcurl, a proxy.
 *
 * Known   the values of Authorization and cookie headers and of Google's key and channel headers; of
 *         access_token, refresh_token, id_token, client_secret, code, code_verifier, assertion, token,
 *         password and private_key (accessToken, too) in a form, a query or JSON, also when it was
 *         percent-encoded or escaped; what follows Bearer or Basic; user:password in an address; and
 *         by their own shape Google's tokens, codes and client secrets, JWTs and PEM private keys.
 * Kept    everything around them: each value becomes "***" (a shorter one as many stars as it has
 *         bytes). What is no credential by its looks stays as well: a name such as 'Basic 101', a
 *         folder 4/0, a date, an exit code=7.
 * Time    linear in the length, whatever is in it.
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

/* In place: the text never grows. */
void redact(char *text);

#endif
